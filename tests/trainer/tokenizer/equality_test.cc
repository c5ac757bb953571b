// Ids and texts equal to PyPI tokenizers and sentencepiece, for real vocabularies and the steps of every
// family, on 1.2 MB of text made to be difficult. One process of the oracle serves them all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "tests/trainer/tokenizer/tiny_sentencepiece.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::vector<int32_t> read_ids(const fs::path& file) {
  const std::string bytes = read_bytes(file);
  std::vector<int32_t> ids(bytes.size() / sizeof(int32_t));
  std::memcpy(ids.data(), bytes.data(), ids.size() * sizeof(int32_t));
  return ids;
}

// Where they part, with what stands there.
std::string difference(const Tokenizer& tokenizer, const std::vector<int32_t>& found,
                       const std::vector<int32_t>& wanted) {
  size_t at = 0;
  while (at < std::min(found.size(), wanted.size()) && found[at] == wanted[at]) ++at;
  const auto around = [&](const std::vector<int32_t>& ids) {
    const size_t begin = at < 4 ? 0 : at - 4, end = std::min(ids.size(), at + 8);
    return tokenizer.decode(
        {ids.begin() + static_cast<int64_t>(begin), ids.begin() + static_cast<int64_t>(end)});
  };
  return fmt::format("{} ids, wanted {}; first difference at {}: '{}', wanted '{}'", found.size(),
                     wanted.size(), at, around(found), around(wanted));
}

TEST(Equality, IdsAndTextsAreThoseOfHuggingFaceTokenizersAndSentencePiece) {
  const fs::path vocabularies = ROPEWAY_SOURCE_DIR "/data/vocabularies";
  if (!fs::exists(python()) || !fs::exists(vocabularies)) {
    GTEST_SKIP() << "wants launch/setup.sh --tests and launch/fetch_vocabularies.sh";
  }
  const TempDir folder;
  const std::string command = python() + " -B " ROPEWAY_SOURCE_DIR "/tests/trainer/tokenizer/oracle.py " +
                              vocabularies.string() + " " + folder.path().string();
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const std::string text = read_bytes(folder / "text");
  ASSERT_GE(text.size(), 1'000'000u);
  int compared = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (!entry.is_directory()) continue;
    const bool json = fs::exists(entry.path() / "tokenizer.json");
    if (!json && !kLoadsSentencePiece) continue;
    SCOPED_TRACE(entry.path().filename().string());
    const auto tokenizer = load_tokenizer(entry.path());
    // sentencepiece itself reads no control tokens in a text.
    const auto ids = tokenizer->encode(text, {.add_special_tokens = true, .read_special_tokens = json});
    const auto wanted = read_ids(entry.path() / "ids");
    EXPECT_TRUE(ids == wanted) << difference(*tokenizer, ids, wanted);
    const auto plain = tokenizer->encode(text);
    const auto wanted_plain = read_ids(entry.path() / "plain.ids");
    EXPECT_TRUE(plain == wanted_plain) << difference(*tokenizer, plain, wanted_plain);
    EXPECT_TRUE(tokenizer->decode(wanted_plain) == read_bytes(entry.path() / "decoded"));
    ++compared;
  }
  EXPECT_EQ(compared, kLoadsSentencePiece ? 13 : 9);

  // Byte-level with all bytes in its vocabulary and without a normal form: nothing of a text is lost.
  const auto llama3 = load_tokenizer(folder / "llama3");
  EXPECT_TRUE(llama3->decode(llama3->encode(text)) == replace_invalid_utf8(text));
}

}  // namespace
}  // namespace ropeway
