#include "trainer/data/passkey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "tests/trainer/tokenizer/tiny_sentencepiece.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/sentencepiece_tokenizer.h"

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

// A haystack that begins with the BOS, as a training window may: the needle at depth 0 comes behind it.
TEST_F(PasskeyTest, AHaystackThatBeginsWithTheStartIsUsedFromBehindIt) {
  std::vector<int32_t> window = prose(199);
  window.insert(window.begin(), 1);
  const PasskeyOptions options = {.length = 200, .depth = 0, .seed = 3, .index = 9, .start = {1}};
  const PasskeySample sample = make_passkey_sample(*tokenizer_, window, options);
  EXPECT_EQ(sample.tokens, make(options).tokens);
  EXPECT_EQ(sample.tokens.front(), 1);
  EXPECT_EQ(std::ranges::count(sample.tokens, 1), 1);
}

TEST_F(PasskeyTest, TheStartCountsInWhatFits) {
  const int64_t fixed =
      std::ssize(std::string(" The pass key is 12345. Remember it. 12345 is the pass key.  What is the pass "
                             "key? The pass key is 12345."));
  EXPECT_FALSE(passkey_fits(*tokenizer_, fixed - 1));
  EXPECT_TRUE(passkey_fits(*tokenizer_, fixed));
  EXPECT_FALSE(passkey_fits(*tokenizer_, fixed, 1));
  EXPECT_TRUE(passkey_fits(*tokenizer_, fixed + 1, 1));
}

// The published task (Mohtashami & Jaggi 2023), line by line.
TEST_F(PasskeyTest, ThePublishedTaskIsATaskLineSentencesANeedleAndAQuestion) {
  const PublishedPasskeys published(*tokenizer_);
  for (const double depth : {0.0, 0.5, 1.0}) {
    const PasskeySample sample =
        published.make({.length = 4000, .depth = depth, .seed = 2, .index = 5, .start = {1}});
    ASSERT_EQ(sample.tokens.size(), 4000u);
    EXPECT_EQ(sample.tokens.front(), 1);
    const std::string text = tokenizer_->decode(sample.tokens).substr(1);
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    ASSERT_EQ(lines.size(), 5u);
    EXPECT_EQ(
        lines[0],
        "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I "
        "will quiz you about the important information there.");
    std::smatch key;
    ASSERT_TRUE(std::regex_match(
        lines[2], key, std::regex(R"(The pass key is (\d{5})\. Remember it\. (\d{5}) is the pass key\.)")));
    EXPECT_EQ(key[1], key[2]);
    EXPECT_EQ(lines[4], "What is the pass key? The pass key is " + key[1].str() + ".");
    EXPECT_EQ(tokenizer_->decode({sample.tokens.begin() + sample.answer_begin,
                                  sample.tokens.begin() + sample.answer_begin + sample.answer_count}),
              key[1]);
    // The sentences over and over, cut only by the needle's line and at their end.
    std::string wanted;
    while (wanted.size() < 4000) {
      wanted += " The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
    }
    const std::string filler = lines[1] + lines[3];
    EXPECT_EQ(filler, wanted.substr(0, filler.size()));
    EXPECT_NEAR(static_cast<double>(lines[1].size()), depth * static_cast<double>(filler.size()), 0.5);
  }
}

// The whole text encoded at once is the independent opinion: no blank of its own stands before a part of it.
TEST(PasskeyOfSentencePiece, HasTheTokensOfItsTextWritten) {
  if (!kLoadsSentencePiece) GTEST_SKIP() << kNoSentencePiece;
  const TempDir folder;
  write_bytes(folder / "tokenizer.model", tiny_sentencepiece_model());
  const auto tokenizer = load_sentencepiece_tokenizer(folder / "tokenizer.model");
  const std::string prose = "the end and the other hand then an old the man and than";
  const std::vector<int32_t> haystack = tokenizer->encode(prose);
  const PasskeySample needle_only = make_passkey_sample(
      *tokenizer, haystack, {.length = std::ssize(haystack) + 90, .depth = 1, .seed = 4, .index = 1});
  const std::string text = tokenizer->decode(needle_only.tokens);
  EXPECT_EQ(needle_only.tokens, tokenizer->encode(text));
  std::smatch key;
  ASSERT_TRUE(
      std::regex_search(text, key, std::regex(R"(The pass key is (\d{5})\. Remember it\. (\d{5}) is)")));
  const auto digits_at = [&](int64_t begin, int64_t count) {
    EXPECT_EQ(count, 5);
    return tokenizer->decode(
        {needle_only.tokens.begin() + begin, needle_only.tokens.begin() + begin + count});
  };
  EXPECT_EQ(digits_at(needle_only.answer_begin, needle_only.answer_count), key[1]);
  EXPECT_EQ(digits_at(needle_only.repeat_begin, needle_only.repeat_count), key[1]);
  EXPECT_NE(text.find("key is " + key[1].str() + ". Remember"), std::string::npos);
  EXPECT_EQ(text.find("  is"), std::string::npos) << text;
}

// Joins a blank and the digits behind it in one token, as GPT-2's pattern does.
class BlankJoiner : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool joins = text[i] == ' ' && i + 1 < text.size() && std::isdigit(text[i + 1]) != 0;
      ids.push_back(joins ? 256 + text[++i] : text[i]);
    }
    return ids;
  }
  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id >= 256) text += ' ';
      text += static_cast<char>(id % 256);
    }
    return text;
  }
  int64_t vocab_size() const override { return 512; }
  std::string fingerprint() const override { return "joins blanks"; }
};

TEST(PasskeyOfJoinedBlanks, TheAnswerIsEveryTokenThatHoldsADigit) {
  const BlankJoiner tokenizer;
  const PasskeySample sample = make_passkey_sample(tokenizer, prose(200), {.length = 200, .depth = 0.5});
  EXPECT_EQ(sample.answer_count, 5);
  const auto answer = sample.tokens.begin() + sample.answer_begin;
  EXPECT_GE(*answer, 256);
  EXPECT_TRUE(std::regex_match(tokenizer.decode({answer, answer + 5}), std::regex(R"( \d{5})")));
}

}  // namespace
}  // namespace ropeway
