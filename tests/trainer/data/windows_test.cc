#include "trainer/data/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <regex>

#include "kernels/base/random.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/text_windows.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

// A text in which any eight letters in a row occur once, so that a window tells where it was taken from.
std::string distinct_text(size_t size, uint64_t seed) {
  Philox random(seed, Stream::kInit);
  std::string text;
  while (text.size() < size) text.push_back(static_cast<char>('a' + random.below(26)));
  return text;
}

class WindowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_bytes(folder_ / "text/a", first_);
    write_bytes(folder_ / "text/b", "too short to count");
    write_bytes(folder_ / "text/c", second_);
    const auto world = make_world_of_one();
    documents_.emplace(
        load_documents(*world, {(folder_ / "text/*").string()}, *tokenizer_, folder_ / "cache"));
  }
  WindowSampler sampler(const WindowOptions& options) const { return {*documents_, *tokenizer_, options}; }
  std::string text_of(const Window& window) const { return tokenizer_->decode(window.tokens); }

  TempDir folder_;
  const std::string first_ = distinct_text(500, 1), second_ = distinct_text(1400, 2);
  std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
  std::optional<Documents> documents_;
};

TEST_F(WindowsTest, AWindowDependsOnItsIndexOnly) {
  const WindowOptions options = {
      .length = 200, .seed = 4, .passkey_fraction = 0.5, .passkey_answer_weight = 8};
  const WindowSampler once = sampler(options), again = sampler(options);
  std::vector<Window> in_order;
  for (uint64_t i = 0; i < 50; ++i) in_order.push_back(once.window(i));
  for (uint64_t i = 50; i-- > 0;) {
    const Window window = again.window(i);
    EXPECT_EQ(window.tokens, in_order[i].tokens);
    EXPECT_EQ(window.weights, in_order[i].weights);
  }
}

TEST_F(WindowsTest, SeedsGiveDifferentWindows) {
  const WindowSampler one = sampler({.length = 100, .seed = 1}), two = sampler({.length = 100, .seed = 2});
  int equal = 0;
  for (uint64_t i = 0; i < 50; ++i) equal += one.window(i).tokens == two.window(i).tokens;
  EXPECT_LE(equal, 2);
}

TEST_F(WindowsTest, PlainWindowsAreStretchesOfOneDocumentAtUniformStarts) {
  constexpr int kDraws = 20000;
  constexpr int64_t kLength = 100;
  const WindowSampler windows = sampler({.length = kLength, .seed = 3});
  const int64_t first_starts = 500 - kLength + 1, second_starts = 1400 - kLength + 1;
  std::vector<int> counts(static_cast<size_t>(first_starts + second_starts), 0);
  for (uint64_t i = 0; i < kDraws; ++i) {
    const std::string text = text_of(windows.window(i));
    ASSERT_EQ(static_cast<int64_t>(text.size()), kLength);
    size_t at = first_.find(text);
    if (at == std::string::npos) {
      at = second_.find(text);
      ASSERT_NE(at, std::string::npos);
      at += static_cast<size_t>(first_starts);
    }
    ++counts[at];
  }
  const double expected = static_cast<double>(kDraws) / static_cast<double>(counts.size());
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
  const double freedom = static_cast<double>(counts.size() - 1);
  EXPECT_LT(std::abs(chi_square - freedom), 4 * std::sqrt(2 * freedom));
}

TEST_F(WindowsTest, StreamsDrawFromTheSameTextIndependently) {
  const TextWindows windows(*documents_, 100, "a test");
  const WindowSampler training = sampler({.length = 100, .seed = 3});
  int equal = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    const auto window = windows.draw(3, Stream::kWindow, i), search = windows.draw(3, Stream::kSearchData, i);
    const std::vector<int32_t> tokens(window.begin(), window.end());
    EXPECT_EQ(tokens, training.window(i).tokens) << "one rule";
    const std::string text = tokenizer_->decode({search.begin(), search.end()});
    EXPECT_TRUE(first_.find(text) != std::string::npos || second_.find(text) != std::string::npos);
    equal += std::equal(window.begin(), window.end(), search.begin());
  }
  EXPECT_LE(equal, 2);
}

TEST_F(WindowsTest, PlainWindowsWeighEveryPredictionAlike) {
  const Window window = sampler({.length = 100, .seed = 3}).window(0);
  std::vector<float> expected(100, 1);
  expected.back() = 0;
  EXPECT_EQ(window.weights, expected);
}

TEST_F(WindowsTest, TheShareOfPasskeysAndTheirDepthsAreAsAsked) {
  constexpr int kDraws = 4000;
  constexpr double kShare = 0.3;
  const WindowSampler windows = sampler({.length = 200, .seed = 9, .passkey_fraction = kShare});
  std::array<int, 10> depths{};
  int passkeys = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const std::string text = text_of(windows.window(i));
    const size_t at = text.find(" The pass key is ");
    if (at == std::string::npos) continue;
    ++passkeys;
    const double prose = 200.0 - 105.0;  // needle and question take 105 bytes
    ++depths[std::min<size_t>(9, static_cast<size_t>(10 * static_cast<double>(at) / prose))];
  }
  EXPECT_NEAR(passkeys, kDraws * kShare, 4 * std::sqrt(kDraws * kShare * (1 - kShare)));
  double chi_square = 0;
  for (const int count : depths) chi_square += std::pow(count - passkeys / 10.0, 2) / (passkeys / 10.0);
  EXPECT_LT(chi_square, 27.88);  // 9 degrees of freedom, p = 0.001
}

TEST_F(WindowsTest, OnlyDigitsThatAnEarlierMentionTellsGetTheAnswerWeight) {
  const WindowSampler windows =
      sampler({.length = 180, .seed = 5, .passkey_fraction = 1, .passkey_answer_weight = 8});
  for (uint64_t i = 0; i < 20; ++i) {
    const Window window = windows.window(i);
    const std::string text = text_of(window);
    std::smatch match;
    ASSERT_TRUE(std::regex_search(text, match,
                                  std::regex(R"(Remember it\. (\d{5}) is .*\? The pass key is (\d{5})\.$)")))
        << text;
    std::vector<float> expected(180, 1);
    for (const int64_t digits : {match.position(1), match.position(2)}) {
      for (int64_t t = digits; t < digits + 5; ++t) expected[static_cast<size_t>(t - 1)] = 8;
    }
    expected.back() = 0;
    EXPECT_EQ(window.weights, expected);
  }
}

TEST_F(WindowsTest, ADocumentOfExactlyTheLengthIsEnough) {
  EXPECT_EQ(text_of(sampler({.length = 1400}).window(7)), second_);
}

TEST_F(WindowsTest, NoDocumentOfTheLengthIsBadData) {
  const auto error = error_of([&] { sampler({.length = 1401}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), ::testing::HasSubstr("1401"));
}

TEST_F(WindowsTest, PasskeysThatDoNotFitAreRefusedBeforeTheFirstWindow) {
  const auto error = error_of([&] { sampler({.length = 64, .passkey_fraction = 0.01}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace ropeway
