// Documents with needles: their length, where needles and answers stand, and the sentences, read back as
// text.
#include "trainer/tasks/needle_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

constexpr int32_t kBos = 256;

std::string prose() { return read_bytes(ROPEWAY_SOURCE_DIR "/tests/data/prose.txt").substr(0, 20000); }

struct Made {
  NeedleDocument document;
  std::string text;  // behind the BOS
};
Made make(const Tokenizer& tokenizer, NeedleDocumentOptions options) {
  options.start = {kBos};
  Made made{make_needle_document(tokenizer, tokenizer.encode(prose()), options), ""};
  const std::vector<int32_t>& tokens = made.document.tokens;
  made.text = tokenizer.decode({tokens.begin() + 1, tokens.end()});
  return made;
}
std::string part(const Tokenizer& tokenizer, const Made& made, const TokenRange& range) {
  const auto begin = made.document.tokens.begin() + range.begin;
  return tokenizer.decode({begin, begin + range.count});
}

// LongRoPE2's template, word by word.
TEST(NeedleDocument, IsTheTemplateOfThePaper) {
  const auto tokenizer = make_byte_tokenizer();
  const Made made = make(*tokenizer, {.length = 1500, .seed = 3, .index = 7});
  std::smatch found;
  const std::regex pattern(
      "^A special magic number is hidden within the following text\\. Make sure to memorize it\\. I will "
      "quiz you "
      "about the number afterwards\\.\nOne of the special magic numbers for ([a-z]+-[a-z]+) is: "
      "([1-9][0-9]{6})\\.\n"
      "([^]*)\nWhat is the special magic number for ([a-z]+-[a-z]+) mentioned in the provided text\\? The "
      "special "
      "magic number for ([a-z]+-[a-z]+) mentioned in the provided text is ([0-9]{7})$");
  ASSERT_TRUE(std::regex_match(made.text, found, pattern)) << made.text;
  EXPECT_EQ(found[4], found[1]);
  EXPECT_EQ(found[5], found[1]);
  EXPECT_EQ(found[6], found[2]);
  EXPECT_EQ(found[3], prose().substr(0, static_cast<size_t>(found[3].length()))) << "the text is whole";
}

TEST(NeedleDocument, HasExactlyItsLengthOneStartAndAnswersThatAreTheNumbers) {
  const auto tokenizer = make_byte_tokenizer();
  for (const int64_t needles : {1, 4, 10}) {
    for (const auto& offset : {std::optional<double>(), std::optional<double>(0.3)}) {
      SCOPED_TRACE(fmt::format("{} needles", needles));
      const Made made =
          make(*tokenizer, {.length = 8000, .needles = needles, .offset = offset, .seed = 5, .index = 1});
      const NeedleDocument& document = made.document;
      ASSERT_EQ(std::ssize(document.tokens), 8000);
      EXPECT_EQ(std::ranges::count(document.tokens, kBos), 1);
      EXPECT_EQ(document.tokens.front(), kBos);
      ASSERT_EQ(std::ssize(document.answers), needles);
      std::set<std::string> numbers;
      for (const TokenRange& answer : document.answers) {
        const std::string number = part(*tokenizer, made, answer);
        EXPECT_EQ(number.size(), 7u);
        EXPECT_TRUE(numbers.insert(number).second) << number;
        EXPECT_THAT(made.text, testing::HasSubstr(fmt::format(" is: {}.\n", number)));
        // What asks for it names the key that the needle gave it to.
        std::smatch needle;
        const std::regex given(fmt::format("special magic numbers for ([a-z-]+) is: {}", number));
        ASSERT_TRUE(std::regex_search(made.text, needle, given));
        EXPECT_THAT(made.text, testing::HasSubstr(fmt::format("for {} mentioned in the provided text is {}",
                                                              needle[1].str(), number)));
      }
      const TokenRange last = document.answers.back();
      EXPECT_EQ(last.begin + last.count, 8000) << "the answer is cut off";
      // The text's stretches are the haystack, in order.
      std::string text;
      for (const TokenRange& stretch : document.text) text += part(*tokenizer, made, stretch);
      EXPECT_EQ(text, prose().substr(0, text.size()));
      EXPECT_EQ(document.text.size(), offset ? static_cast<size_t>(needles) + (*offset > 0 ? 1 : 0) : 1u);
    }
  }
}

TEST(NeedleDocument, SpreadsNeedlesOrPutsThemAtTheStart) {
  const auto tokenizer = make_byte_tokenizer();
  const Made start = make(*tokenizer, {.length = 6000, .needles = 2, .seed = 5});
  EXPECT_LT(start.text.rfind("One of the special"), 400u);
  const Made spread = make(*tokenizer, {.length = 6000, .needles = 2, .offset = 0.5, .seed = 5});
  const size_t first = spread.text.find("One of the special"),
               second = spread.text.rfind("One of the special");
  EXPECT_NEAR(static_cast<double>(first), 0.25 * 6000, 200);
  EXPECT_NEAR(static_cast<double>(second), 0.75 * 6000, 500);
}

TEST(NeedleDocument, LeavesHalfOfTheLengthToTheText) {
  const auto tokenizer = make_byte_tokenizer();
  for (const int64_t length : {1000, 2048, 4096}) {
    const NeedleDocumentOptions options{
        .length = length, .needles = 10, .offset = 0.5, .seed = 5, .start = {kBos}};
    const NeedleDocument document = make_needle_document(*tokenizer, tokenizer->encode(prose()), options);
    const auto needles = std::ssize(document.answers);
    EXPECT_EQ(needles, needles_that_fit(*tokenizer, options)) << length;
    EXPECT_GE(needles, 1);
    EXPECT_LT(needles, 10);
    int64_t text = 0;
    for (const TokenRange& stretch : document.text) text += stretch.count;
    if (needles > 1) {
      EXPECT_GE(2 * text, length);
    }
  }
}

TEST(NeedleDocument, SaysWhatANeedleTakes) {
  const auto tokenizer = make_byte_tokenizer();
  const NeedleDocumentOptions options{.length = 300, .start = {kBos}};
  EXPECT_EQ(needles_that_fit(*tokenizer, options), 0);
  try {
    make_needle_document(*tokenizer, tokenizer->encode(prose()), options);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_THAT(error.what(), testing::HasSubstr("length 300 is too short for a needle"));
  }
}

TEST(NeedleDocument, IsAFunctionOfSeedAndIndex) {
  const auto tokenizer = make_byte_tokenizer();
  const auto tokens = [&](uint64_t seed, uint64_t index) {
    return make(*tokenizer, {.length = 3000, .needles = 2, .seed = seed, .index = index}).document.tokens;
  };
  EXPECT_EQ(tokens(1, 2), tokens(1, 2));
  EXPECT_NE(tokens(1, 2), tokens(1, 3));
  EXPECT_NE(tokens(1, 2), tokens(2, 2));
}

}  // namespace
}  // namespace ropeway
