#include "trainer/data/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string gzip(const std::string& text) {
  z_stream state = {};
  deflateInit2(&state, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&state, text.size()) + 64, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(packed.data());
  state.avail_out = static_cast<uInt>(packed.size());
  deflate(&state, Z_FINISH);
  packed.resize(state.total_out);
  deflateEnd(&state);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

class TextFileTest : public ::testing::Test {
 protected:
  using Found = std::vector<std::pair<int64_t, std::string>>;  // line and text

  Found read(const std::string& name, const std::string& content, const TextFileLimits& limits = {}) {
    write_bytes(folder_ / name, content);
    Found found;
    summary_ = read_text_documents(
        folder_ / name, limits,
        {[&](std::string_view text, int64_t line) { found.emplace_back(line, text); }, {}});
    return found;
  }
  std::string refusal(const std::string& name, const std::string& content,
                      const TextFileLimits& limits = {}) {
    const auto error = error_of([&] { read(name, content, limits); });
    if (!error) return "no error";
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr((folder_ / name).string()));
    return error->what();
  }

  TempDir folder_;
  TextFileSummary summary_;
};

const std::string kLines =
    "{\"text\": \"one\\n\", \"id\": 1}\n\r\n{\"id\": 2, \"text\": \"zw\\u00f6lf\"}\r\n{\"text\": "
    "\"\"}\n{\"text\":\"last\"}";

TEST_F(TextFileTest, APlainFileIsOneDocument) {
  const std::string text("a\0b\r\nc", 6);
  EXPECT_THAT(read("a.txt", text), ElementsAre(Pair(0, text)));
  EXPECT_EQ(summary_.sha256, sha256_of(text));
  EXPECT_THAT(read("empty.txt", ""), ElementsAre());
}

TEST_F(TextFileTest, ALineOfJsonIsADocument) {
  EXPECT_THAT(read("a.jsonl", kLines),
              ElementsAre(Pair(1, "one\n"), Pair(3, "zw\xC3\xB6lf"), Pair(5, "last")));
  EXPECT_EQ(summary_.counts.empty_texts, 1);
  EXPECT_EQ(summary_.kind, "JSON lines");
  EXPECT_EQ(summary_.documents, 3);
}

TEST_F(TextFileTest, PackedFilesHoldTheSame) {
  for (const std::string name : {"a.txt.gz", "a.gz"})
    EXPECT_THAT(read(name, gzip("text")), ElementsAre(Pair(0, "text")));
  EXPECT_THAT(read("a.txt.zst", zstd("text")), ElementsAre(Pair(0, "text")));
  EXPECT_THAT(read("a.jsonl.gz", gzip(kLines)),
              ElementsAre(Pair(1, "one\n"), Pair(3, "zw\xC3\xB6lf"), Pair(5, "last")));
  EXPECT_THAT(read("a.jsonl.zst", zstd(kLines)),
              ElementsAre(Pair(1, "one\n"), Pair(3, "zw\xC3\xB6lf"), Pair(5, "last")));
  EXPECT_EQ(summary_.sha256, sha256_of(zstd(kLines)));
}

TEST_F(TextFileTest, MembersThatFollowEachOtherAreOneText) {
  EXPECT_THAT(read("a.gz", gzip("first ") + gzip("") + gzip("second")), ElementsAre(Pair(0, "first second")));
  EXPECT_THAT(read("a.zst", zstd("first ") + zstd("second")), ElementsAre(Pair(0, "first second")));
}

TEST_F(TextFileTest, LargeFilesGoThroughInPieces) {
  std::string lines, text;
  for (int i = 0; i < 60000; ++i) {
    lines +=
        fmt::format("{{\"text\": \"document {} {}\"}}\n", i, std::string(static_cast<size_t>(i % 97), 'x'));
    text += fmt::format("{}\n", i * 7919);
  }
  const Found found = read("a.jsonl.gz", gzip(lines));
  ASSERT_EQ(found.size(), 60000u);
  EXPECT_EQ(found[59999].first, 60000);
  EXPECT_THAT(found[59999].second, HasSubstr("document 59999 x"));
  EXPECT_THAT(read("a.zst", zstd(text)), ElementsAre(Pair(0, text)));
}

TEST_F(TextFileTest, ABadLineIsNamedByFileAndLine) {
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"\n"), HasSubstr("a.jsonl:2: byte"));
  EXPECT_THAT(refusal("a.jsonl", "\n\n{\"txt\": \"a\"}\n"), HasSubstr("a.jsonl:3: text: the key is missing"));
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": 5}\n"), HasSubstr("a.jsonl:1: text: found 5, wanted a string"));
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": [\"a\"]}\n"), HasSubstr("a.jsonl:1: text"));
  EXPECT_THAT(refusal("a.jsonl", "\"text\"\n"), HasSubstr("a.jsonl:1: found \"text\""));
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": \"\xFF\"}\n"),
              HasSubstr("a.jsonl: 1 of 14 bytes are not UTF-8 (the first is byte 10)"));
  EXPECT_THAT(refusal("a.jsonl", std::string(1000, '[') + "\n"), HasSubstr("a.jsonl:1"));
  EXPECT_THAT(refusal("a.jsonl.gz", gzip("{\"text\": \"a\"}\nx")), HasSubstr("a.jsonl.gz:2: byte"));
}

TEST_F(TextFileTest, DamagedAndCutPackingIsNamed) {
  const std::string gz = gzip(std::string(100000, 'a') + "b"), zst = zstd(std::string(100000, 'a') + "b");
  for (size_t size = 0; size < gz.size(); size += 7) {
    EXPECT_THAT(refusal("a.gz", gz.substr(0, size)), HasSubstr("cut short")) << size;
  }
  for (size_t size = 0; size < zst.size(); size += 3) {
    EXPECT_THAT(refusal("a.zst", zst.substr(0, size)), HasSubstr("cut short")) << size;
  }
  std::string spoiled = gz;
  spoiled[gz.size() - 6] ^= 1;  // the checksum
  EXPECT_THAT(refusal("a.gz", spoiled), HasSubstr("damaged"));
  EXPECT_THAT(refusal("a.gz", "no gzip at all, but long enough to be one"), HasSubstr("damaged"));
  EXPECT_THAT(refusal("a.zst", "no zstd at all, but long enough to be one"), HasSubstr("damaged"));
}

TEST_F(TextFileTest, ADocumentOverTheLimitIsRefusedBeforeItIsInMemory) {
  const TextFileLimits limits = {.max_document_bytes = 1 << 20};
  const std::string bomb = gzip(std::string(200 << 20, 'a'));
  EXPECT_LT(bomb.size(), 1u << 20);
  EXPECT_THAT(refusal("a.gz", bomb, limits), HasSubstr("a document of more than 1048576 bytes"));
  EXPECT_THAT(refusal("a.jsonl.gz", bomb, limits),
              HasSubstr("a.jsonl.gz:1: a document of more than 1048576"));
  EXPECT_THAT(read("a.txt", std::string(1 << 20, 'a'), limits).size(), 1u);
}

}  // namespace
}  // namespace ropeway
