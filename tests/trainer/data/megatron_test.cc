// Megatron's .bin and .idx: written by its own writer (tests/data/megatron), and by Python after the format's
// description.
#include "trainer/data/megatron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/token_ids.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Four sequences in three documents: [5 6 7] [8 9 | 10], an empty one between them.
const char* const kWrite = R"(
import struct, sys, numpy as np
folder, vocab = sys.argv[1], 100
sequences = [[5, 6, 7], [], [8, 9], [10]]
borders = [0, 1, 2, 4]
types = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}
for code, kind in types.items():
    size = np.dtype(kind).itemsize
    with open(f"{folder}/t{code}.bin", "wb") as f:
        for s in sequences: f.write(np.array(s, kind).tobytes())
    lengths = np.array([len(s) for s in sequences])
    offsets = (np.cumsum(lengths) - lengths) * size
    with open(f"{folder}/t{code}.idx", "wb") as f:
        f.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, len(sequences), len(borders)))
        f.write(lengths.astype("<i4").tobytes() + offsets.astype("<i8").tobytes() + np.array(borders, "<i8").tobytes())
)";

class MegatronTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ROPEWAY_NEEDS_PYTHON();
    run_python(kWrite, folder_.path().string());
  }
  std::string refusal(const std::string& name, int64_t vocab_size = 100) {
    const auto error = error_of([&] { load_token_file(folder_ / name, vocab_size); });
    return error ? std::string(error->what()) : "no error";
  }
  void patch(const std::string& name, size_t at, const std::string& bytes) {
    std::string content = read_bytes(folder_ / name);
    content.replace(at, bytes.size(), bytes);
    write_bytes(folder_ / name, content);
  }

  TempDir folder_;
};

TEST_F(MegatronTest, DocumentsOfEveryIntegerTypeUnderAnyOfTheirNames) {
  for (const std::string name : {"t1.bin", "t2.idx", "t3", "t4", "t5.bin", "t8"}) {
    const Documents documents = load_token_file(folder_ / name, 100);
    ASSERT_EQ(documents.count(), 2u) << name;
    EXPECT_THAT(documents.tokens(0), ElementsAre(5, 6, 7)) << name;
    EXPECT_THAT(documents.tokens(1), ElementsAre(8, 9, 10)) << name;
    EXPECT_THAT(documents.name(1), HasSubstr(name.substr(0, 2) + ".bin:3"));
    EXPECT_EQ(documents.sources().at(0).kind, "token ids (Megatron)");
  }
}

TEST(MegatronFiles, OfMegatronsOwnWriterAreWhatItWasGiven) {
  const fs::path folder = ROPEWAY_SOURCE_DIR "/tests/data/megatron";
  std::vector<std::vector<int32_t>> wanted =
      nlohmann::json::parse(read_bytes(folder / "ids.json")).get<std::vector<std::vector<int32_t>>>();
  for (const std::string name : {"uint8", "int8", "int16", "int32", "int64", "uint16", "multimodal"}) {
    const Documents documents = load_token_file(folder / (name + ".bin"), 101);
    std::vector<std::vector<int32_t>> found;
    for (size_t d = 0; d < documents.count(); ++d) {
      found.emplace_back(documents.tokens(d).begin(), documents.tokens(d).end());
    }
    std::erase(wanted, std::vector<int32_t>());  // empty ones are left out
    EXPECT_EQ(found, wanted) << name;
    EXPECT_THAT(documents.name(1), HasSubstr(name + ".bin:3"));
  }
  for (const std::string name : {"float32", "float64"}) {
    const auto error = error_of([&] { load_token_file(folder / (name + ".idx"), 101); });
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr("floating point, wanted integers"));
  }
  const auto error = error_of([&] { load_token_file(folder / "uint16", 100); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("100"));
}

TEST_F(MegatronTest, AreDataForTrainingBesideTexts) {
  write_bytes(folder_ / "a.txt", "text");
  const auto world = make_world_of_one();
  const auto tokenizer = make_byte_tokenizer();
  for (int again = 0; again < 2; ++again) {  // copied, then from the cache
    const Documents documents = load_documents(
        *world, {(folder_ / "a.txt").string(), (folder_ / "t8").string(), (folder_ / "t4*").string()},
        *tokenizer, folder_ / "cache", {.vocab_size = 100});
    ASSERT_EQ(documents.count(), 5u);
    EXPECT_THAT(documents.tokens(2), ElementsAre(8, 9, 10));
    EXPECT_EQ(documents.bytes(2), 3);
    ASSERT_EQ(documents.sources().size(), 3u);
    const SourceFacts& facts = documents.sources()[1];
    EXPECT_EQ(facts.name, (folder_ / "t8.bin").string());
    EXPECT_EQ(facts.documents, 2);
    EXPECT_EQ(facts.tokens, 6);
    EXPECT_EQ(facts.text_bytes, 6);
    EXPECT_EQ(facts.pattern, 1u);
    EXPECT_EQ(facts.counts.empty_texts, 1);
    EXPECT_EQ(documents.source(4), 2u);
  }
}

TEST_F(MegatronTest, AnIdOutsideTheVocabularyIsNamedByDocumentAndIndex) {
  EXPECT_THAT(
      refusal("t4.bin", 10),
      HasSubstr("t4.bin: document 3: index 2 holds token id 10, outside the model's vocabulary [0, 10)"));
}

TEST_F(MegatronTest, DamageIsNamed) {
  const std::string idx = read_bytes(folder_ / "t4.idx");
  for (size_t bytes = 0; bytes < idx.size(); bytes += 5) {
    write_bytes(folder_ / "t4.idx", idx.substr(0, bytes));
    EXPECT_THAT(refusal("t4.bin"), HasSubstr("t4.idx: ")) << bytes;
  }
  write_bytes(folder_ / "t4.idx", idx + "x");
  EXPECT_THAT(refusal("t4.bin"), HasSubstr("bytes follow its header"));
  patch("t5.idx", 17, "\x06");
  EXPECT_THAT(refusal("t5.bin"), HasSubstr("t5.idx: values of type 6, floating point"));
  patch("t8.idx", 34, std::string("\xFF\xFF\xFF\x7F", 4));
  EXPECT_THAT(refusal("t8.bin"), HasSubstr("t8.idx: sequence 0 is 2147483647 ids at byte 0"));
  patch("t1.idx", 9, "\x02");
  EXPECT_THAT(refusal("t1.bin"), HasSubstr("t1.idx: version 2"));
  patch("t2.idx", 17, std::string("\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9));
  EXPECT_THAT(
      refusal("t2.bin"),
      HasSubstr(
          "t2.idx: 80 bytes follow its header, too few or too many for 18446744073709551615 sequences"));
  fs::remove(folder_ / "t3.idx");
  EXPECT_THAT(refusal("t3.bin"), HasSubstr("t3.bin: token ids want their index t3.idx beside them"));
}

}  // namespace
}  // namespace ropeway
