// What a stream says, put together, is the text of the tokens; what it says at a time is whole characters.
#include "trainer/generate/text_stream.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/errors.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

const std::string kText = "na\xC3\xAFve \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80\xF0\x9F\x91\x8D, done.";

std::vector<int32_t> bytes_of(const std::string& text) {
  std::vector<int32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<int32_t>& ids,
                     const std::vector<int32_t>& before = {}) {
  TextStream stream(tokenizer, before);
  std::string text;
  for (const int32_t id : ids) {
    const std::string more = stream.add(id);
    EXPECT_TRUE(is_valid_utf8(more));
    text += more;
  }
  return text + stream.finish();
}

TEST(TextStream, SaysWholeCharactersOfBytes) {
  const auto tokenizer = make_byte_tokenizer();
  EXPECT_EQ(streamed(*tokenizer, bytes_of(kText)), kText);
  TextStream stream(*tokenizer, {});
  EXPECT_EQ(stream.add(0xC3), "");
  EXPECT_EQ(stream.add(0xAF), "\xC3\xAF");
  EXPECT_EQ(stream.add('a'), "a");
}

TEST(TextStream, BytesThatAreNoTextBecomeReplacementCharacters) {
  const auto tokenizer = make_byte_tokenizer();
  const auto expected = [](const std::string& text) { return replace_invalid_utf8(text); };
  for (const std::string text : {"a\xFFz", "\xC3", "\xE6\x97 b", "\xF0\x9F\x98 \xC3\xAF",
                                 "\x80\x80\x80\x80\x80\x80x", "\xEF\xBF\xBD\xEF\xBF\xBD!"}) {
    EXPECT_EQ(streamed(*tokenizer, bytes_of(text)), expected(text));
  }
}

// Pieces of a real tokenizer, whose characters are spread over tokens.
TEST(TextStream, OfAPublishedTokenizerIsTheTextOfItsTokens) {
  const fs::path folder = ROPEWAY_SOURCE_DIR "/models/smollm2_135m";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there: run launch/fetch_smollm2.sh";
  const auto tokenizer = load_tokenizer(folder);
  const std::vector<int32_t> ids = tokenizer->encode(kText);
  EXPECT_EQ(streamed(*tokenizer, ids), kText);
  // The text goes on from a prompt.
  for (size_t cut = 1; cut < ids.size(); ++cut) {
    const std::vector<int32_t> before(ids.begin(), ids.begin() + static_cast<int64_t>(cut));
    const std::string said = tokenizer->decode(before);
    if (!is_valid_utf8(said)) continue;
    EXPECT_EQ(said + streamed(*tokenizer, {ids.begin() + static_cast<int64_t>(cut), ids.end()}, before),
              kText);
  }
}

}  // namespace
}  // namespace ropeway
