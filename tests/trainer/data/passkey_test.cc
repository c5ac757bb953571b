#include "trainer/data/passkey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <regex>
#include <set>

#include "tests/support/errors.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

// Letters only, so that the digits of a sample are the needle's.
std::vector<int32_t> prose(int64_t tokens) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) ids.push_back("the quick brown fox jumped over "[i % 32]);
  return ids;
}

// The parts of a sample, found by a pattern written from the protocol's sentence.
struct Parts {
  std::string before, key, after;
};
std::optional<Parts> parse(const std::string& text) {
  static const std::regex pattern(
      R"(([a-z ]*) The pass key is (\d{5})\. Remember it\. (\d{5}) is the pass key\. ([a-z ]*) What is the pass key\? )"
      R"(The pass key is (\d{5})\.)");
  std::smatch match;
  if (!std::regex_match(text, match, pattern)) return std::nullopt;
  if (match[2] != match[3] || match[2] != match[5]) return std::nullopt;
  return Parts{match[1], match[2], match[4]};
}

class PasskeyTest : public ::testing::Test {
 protected:
  PasskeySample make(const PasskeyOptions& options) {
    return make_passkey_sample(*tokenizer_, prose(options.length), options);
  }
  std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
};

TEST_F(PasskeyTest, WhatStandsInFrontCountsInTheLengthAndMovesTheRest) {
  const PasskeySample plain = make({.length = 127, .depth = 0.4, .seed = 3, .index = 9});
  const PasskeySample marked = make({.length = 128, .depth = 0.4, .seed = 3, .index = 9, .start = {1}});
  std::vector<int32_t> expected{1};
  expected.insert(expected.end(), plain.tokens.begin(), plain.tokens.end());
  EXPECT_EQ(marked.tokens, expected);
  EXPECT_EQ(marked.answer_begin, plain.answer_begin + 1);
  EXPECT_EQ(marked.repeat_begin, plain.repeat_begin + 1);
}

TEST_F(PasskeyTest, ParsesBackAtEveryLengthAndDepth) {
  for (const int64_t length : {110, 128, 256, 1001}) {
    for (const double depth : {0.0, 0.1, 0.5, 0.77, 1.0}) {
      const PasskeySample sample = make({.length = length, .depth = depth, .seed = 3, .index = 9});
      ASSERT_EQ(static_cast<int64_t>(sample.tokens.size()), length);
      const std::string text = tokenizer_->decode(sample.tokens);
      const auto parts = parse(text);
      ASSERT_TRUE(parts.has_value()) << text;
      const double prose_bytes = static_cast<double>(parts->before.size() + parts->after.size());
      EXPECT_NEAR(static_cast<double>(parts->before.size()), depth * prose_bytes, 0.5);
      const auto haystack = prose(length);
      EXPECT_EQ(parts->before + parts->after,
                tokenizer_->decode({haystack.begin(), haystack.begin() + static_cast<int64_t>(prose_bytes)}));
    }
  }
}

TEST_F(PasskeyTest, TheAnswerIsFiveDigitTokensBeforeTheLastOne) {
  const PasskeySample sample = make({.length = 300, .depth = 0.3, .seed = 1, .index = 2});
  const auto parts = parse(tokenizer_->decode(sample.tokens));
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(sample.answer_count, 5);
  EXPECT_EQ(sample.answer_begin, 300 - 1 - 5);
  const auto begin = sample.tokens.begin() + sample.answer_begin;
  EXPECT_EQ(tokenizer_->decode({begin, begin + sample.answer_count}), parts->key);
}

TEST_F(PasskeyTest, TheSecondMentionIsWhereTheSampleSays) {
  const PasskeySample sample = make({.length = 300, .depth = 0.3, .seed = 1, .index = 2});
  const std::string text = tokenizer_->decode(sample.tokens);
  EXPECT_EQ(sample.repeat_begin, static_cast<int64_t>(text.find("Remember it. ") + 13));
}

TEST_F(PasskeyTest, DigitsDependOnSeedAndIndexOnly) {
  const auto key = [&](int64_t length, double depth, uint64_t seed, uint64_t index) {
    const auto sample = make({.length = length, .depth = depth, .seed = seed, .index = index});
    return parse(tokenizer_->decode(sample.tokens))->key;
  };
  EXPECT_EQ(key(200, 0.1, 5, 6), key(400, 0.9, 5, 6));
  std::set<std::string> keys;
  for (uint64_t i = 0; i < 10; ++i) keys.insert({key(200, 0.1, 5, i), key(200, 0.1, 50 + i, 6)});
  EXPECT_GE(keys.size(), 19u);  // 20 of 100,000, of which two may be equal by chance
}

TEST_F(PasskeyTest, EveryDigitIsUniformInEveryPlace) {
  constexpr int kSamples = 4000;
  std::array<std::array<int, 10>, 5> counts{};
  for (uint64_t i = 0; i < kSamples; ++i) {
    const PasskeySample sample = make({.length = 110, .seed = 11, .index = i});
    for (size_t place = 0; place < 5; ++place) {
      ++counts[place]
              [static_cast<size_t>(sample.tokens[static_cast<size_t>(sample.answer_begin) + place] - '0')];
    }
  }
  for (const auto& place : counts) {
    double chi_square = 0;
    for (const int count : place) chi_square += (count - 400.0) * (count - 400.0) / 400.0;
    EXPECT_LT(chi_square, 27.88);  // 9 degrees of freedom, p = 0.001
  }
}

TEST_F(PasskeyTest, ALengthWithoutRoomIsAnErrorOfTheRecipe) {
  const int64_t fixed = static_cast<int64_t>(
      std::string(" The pass key is 12345. Remember it. 12345 is the pass key.  What is the pass key? "
                  "The pass key is 12345.")
          .size());
  EXPECT_EQ(static_cast<int64_t>(make({.length = fixed}).tokens.size()), fixed);
  const auto error = error_of([&] { make({.length = fixed - 1}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
  EXPECT_THAT(error->what(), ::testing::HasSubstr(fmt::format("take {} tokens", fixed)));
}

}  // namespace
}  // namespace ropeway
