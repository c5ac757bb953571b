#include "trainer/data/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "kernels/base/random.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/gradient_windows.h"
#include "trainer/data/marked_documents.h"
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
  // Stretches of one document, unless a test says otherwise.
  WindowSampler sampler(WindowOptions options) const {
    options.packing = Packing::kDocuments;
    return {*documents_, *tokenizer_, options};
  }
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

// A document by its tokens, then any start alike.
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
  double chi_square = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const bool is_first = i < static_cast<size_t>(first_starts);
    const double share = is_first ? 500.0 / 1900 : 1400.0 / 1900;
    const double expected = kDraws * share / static_cast<double>(is_first ? first_starts : second_starts);
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  EXPECT_LT(std::abs(chi_square - freedom), 4 * std::sqrt(2 * freedom));
}

TEST_F(WindowsTest, StreamsDrawFromTheSameTextIndependently) {
  const MarkedDocuments marked(*documents_);
  const TextWindows windows(marked, 100, "a test");
  const WindowSampler training = sampler({.length = 100, .seed = 3});
  int equal = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    const auto window = windows.draw(3, Stream::kWindow, i), search = windows.draw(3, Stream::kSearchData, i);
    EXPECT_EQ(window, training.window(i).tokens) << "one rule";
    const std::string text = tokenizer_->decode(search);
    EXPECT_TRUE(first_.find(text) != std::string::npos || second_.find(text) != std::string::npos);
    equal += window == search;
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

// One long document beside many that are little longer than a window: half of all possible starts, a tenth of
// the tokens.
TEST_F(WindowsTest, ADocumentIsDrawnByItsTokensNotByItsStarts) {
  const std::string all = distinct_text(22000, 4);
  write_bytes(folder_ / "mixed/0", all.substr(0, 2000));
  for (size_t i = 0; i < 18; ++i) {
    write_bytes(folder_ / fmt::format("mixed/{}", i + 1), all.substr(2000 + 1100 * i, 1100));
  }
  const Documents mixed =
      load_documents(*make_world_of_one(), {(folder_ / "mixed/*").string()}, *tokenizer_, folder_ / "cache");
  const WindowSampler windows(mixed, *tokenizer_,
                              {.length = 1000, .seed = 2, .packing = Packing::kDocuments});
  constexpr int kDraws = 4000;
  int of_long = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    of_long += all.find(text_of(windows.window(i))) < 2000;
  }
  const double share = 2000.0 / (2000 + 18 * 1100);
  EXPECT_NEAR(of_long, kDraws * share, 4 * std::sqrt(kDraws * share * (1 - share)));
}

TEST_F(WindowsTest, StagesOfOneLengthSeeDifferentWindows) {
  for (uint64_t i = 0; i < 30; ++i) write_bytes(folder_ / fmt::format("many/{}", i), distinct_text(200, i));
  const Documents many =
      load_documents(*make_world_of_one(), {(folder_ / "many/*").string()}, *tokenizer_, folder_ / "cache");
  for (const Packing packing : {Packing::kConcat, Packing::kDocuments}) {
    const auto made = [&](const std::string& stage) {
      return std::make_unique<WindowSampler>(
          many, *tokenizer_, WindowOptions{.length = 100, .seed = 1, .stage = stage, .packing = packing});
    };
    const auto one = made("tune_1"), two = made("tune_2"), again = made("tune_1");
    int equal = 0;
    for (uint64_t i = 0; i < 60; ++i) {
      equal += one->window(i).tokens == two->window(i).tokens;
      EXPECT_EQ(one->window(i).tokens, again->window(i).tokens);
    }
    EXPECT_LE(equal, 6);
  }
}

TEST_F(WindowsTest, JoinedWindowsUseShortDocumentsTooAndKnowWhereDocumentsStart) {
  const DocumentMarks marks{{256}, {257}};
  const WindowOptions options{.length = 64, .seed = 8, .mask = DocumentMask::kDocuments, .marks = marks};
  const WindowSampler masked(*documents_, *tokenizer_, options);
  WindowOptions unmasked_options = options;
  unmasked_options.mask = DocumentMask::kNone;
  const WindowSampler unmasked(*documents_, *tokenizer_, unmasked_options);
  std::string pass;
  const WindowFacts facts = masked.facts();
  EXPECT_EQ(facts.tokens, 500 + 18 + 1400 + 3 * 2);
  EXPECT_EQ(facts.documents, 3);
  EXPECT_EQ(facts.short_documents, 1);
  EXPECT_EQ(facts.windows, facts.tokens / 64);
  const MarkedDocuments marked(*documents_, marks);
  const DocumentStream stream(marked, options.seed);
  std::multiset<std::vector<int32_t>> cut, windows;
  for (int64_t i = 0; i <= facts.windows; ++i) {  // the last one reaches into the next pass
    const Window window = masked.window(static_cast<uint64_t>(i)),
                 other = unmasked.window(static_cast<uint64_t>(i));
    EXPECT_EQ(window.tokens, other.tokens);
    EXPECT_EQ(other.documents, std::vector<int64_t>{0});
    std::vector<int64_t> starts{0};
    for (size_t t = 1; t < window.tokens.size(); ++t) {
      if (window.tokens[t] == 256) starts.push_back(static_cast<int64_t>(t));
    }
    EXPECT_EQ(window.documents, starts);
    windows.insert(window.tokens);
    cut.insert(stream.stretch(i * 64, 64).tokens);
    for (const int32_t token : stream.stretch(i * 64, 64).tokens) {
      if (token < 256) pass += static_cast<char>(token);
    }
  }
  EXPECT_EQ(windows, cut);
  for (const std::string& text : {first_, second_, std::string("too short to count")}) {
    EXPECT_NE(pass.find(text), std::string::npos);
  }
  EXPECT_EQ(masked.describe(), "used 3 documents, 1924 tokens; 1 shorter than 64 was joined to others");
}

TEST_F(WindowsTest, WhatIsLeftOutIsSaid) {
  const WindowOptions options{.length = 1024, .packing = Packing::kDocuments};
  const WindowSampler windows(*documents_, *tokenizer_, options);
  EXPECT_EQ(windows.describe(), "used 1 document, 1400 tokens; 2 shorter than 1K were left out");
}

// The question must see the needle: what a passkey is put into is one document.
TEST_F(WindowsTest, AWindowWithAPasskeyIsOneDocument) {
  const WindowSampler windows(
      *documents_, *tokenizer_,
      {.length = 200, .seed = 3, .mask = DocumentMask::kDocuments, .passkey_fraction = 1});
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(windows.window(i).documents, std::vector<int64_t>{0});
}

// Windows of 100 tokens, 30 % of them of documents of at most 32.
WindowOptions mixed_options() {
  return {.length = 100, .seed = 6, .marks = {{256}, {257}}, .short_share = 0.3, .short_length = 32};
}

TEST_F(WindowsTest, ShortWindowsAreSpreadEvenlyAndCutAtTheirLength) {
  const WindowSampler mixed(*documents_, *tokenizer_, mixed_options());
  WindowOptions long_options = mixed_options();
  long_options.short_share = 0;
  const WindowSampler all_long(*documents_, *tokenizer_, long_options);
  int shorts = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    const Window window = mixed.window(i), other = all_long.window(i);
    EXPECT_EQ(window.tokens, other.tokens) << "every token is used once per pass, whatever the mix";
    EXPECT_EQ(window.weights, other.weights);
    shorts += window.is_short ? 1 : 0;
    EXPECT_EQ(shorts, static_cast<int>(std::floor(0.3 * static_cast<double>(i + 1) + 1e-9))) << i;
    if (!window.is_short) {
      EXPECT_EQ(window.documents, std::vector<int64_t>{0});
      continue;
    }
    // A border where a text begins, and every 32 tokens of one.
    std::vector<int64_t> starts;
    int64_t in_document = 0;
    for (size_t t = 0; t < window.tokens.size(); ++t, ++in_document) {
      if (window.tokens[t] == 256) in_document = 0;
      if (t == 0 || in_document % 32 == 0) starts.push_back(static_cast<int64_t>(t));
    }
    EXPECT_EQ(window.documents, starts);
  }
  EXPECT_THAT(mixed.describe(),
              ::testing::HasSubstr("; 30 % of the windows are of documents of at most 32 tokens, "
                                   "under the original RoPE"));
}

// Long windows are stretches of one text, short ones are of all texts, those included that no long window takes.
TEST_F(WindowsTest, ShortWindowsBesideStretchesOfOneTextUseTheShortTexts) {
  WindowOptions options = mixed_options();
  options.packing = Packing::kDocuments;
  const WindowSampler windows(*documents_, *tokenizer_, options);
  std::string of_short;
  for (uint64_t i = 0; i < 70; ++i) {
    const Window window = windows.window(i);
    if (window.is_short) {
      for (const int32_t token : window.tokens) {
        if (token < 256) of_short += static_cast<char>(token);
      }
    } else {
      EXPECT_EQ(window.documents.size(), 1u);
      EXPECT_EQ(std::ranges::count(window.tokens, 256), window.tokens.front() == 256 ? 1 : 0);
    }
  }
  EXPECT_THAT(of_short, ::testing::HasSubstr("too short to count"));
}

// The needle of a short window and its question lie in one document, which is as long as they may be.
TEST_F(WindowsTest, APasskeyOfAShortWindowIsADocumentOfIt) {
  WindowOptions options = mixed_options();
  options.marks = {};
  options.length = 300;
  options.short_length = 140;
  options.passkey_fraction = 1;
  const WindowSampler windows(*documents_, *tokenizer_, options);
  for (uint64_t i = 0; i < 20; ++i) {
    const Window window = windows.window(i);
    const std::string text = text_of(window);
    const size_t needle = text.find(" The pass key is "), question = text.rfind("? The pass key is ");
    ASSERT_NE(needle, std::string::npos);
    ASSERT_EQ(window.tokens.size(), 300u);
    if (!window.is_short) {
      EXPECT_EQ(window.documents, std::vector<int64_t>{0});
      continue;
    }
    ASSERT_GE(window.documents.size(), 3u);
    EXPECT_EQ(window.documents[1], 140);
    EXPECT_LT(question, 140u);
    for (size_t d = 1; d < window.documents.size(); ++d) {
      EXPECT_LE(window.documents[d] - window.documents[d - 1], 140);
    }
  }
  options.short_length = 64;
  expect_error(ErrorKind::kConfig, {"64"}, [&] { WindowSampler(*documents_, *tokenizer_, options); });
}

// Two chunks or three, the last of which ends below the target, as far as that is grown; the text goes on.
TEST_F(WindowsTest, SkippedPositionsStayBelowTheirTarget) {
  WindowOptions options{
      .length = 100, .seed = 6, .skip = {.target = 5000, .chunks = 3, .growing_windows = 400}};
  const WindowSampler skipping(*documents_, *tokenizer_, options);
  options.skip = {};
  const WindowSampler plain(*documents_, *tokenizer_, options);
  EXPECT_EQ(skip_target({.target = 1600, .growing_windows = 400}, 100, 200), 400);  // half way in ratio
  int64_t farthest = 0, first_cut = 100;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Window window = skipping.window(i);
    EXPECT_EQ(window.tokens, plain.window(i).tokens);
    EXPECT_EQ(plain.window(i).jumps.size(), 0u);
    if (i == 0) {
      EXPECT_EQ(window.jumps.size(), 0u) << "the target has not grown";
      continue;
    }
    if (i < 10) continue;
    ASSERT_EQ(window.jumps.size(), 2u) << i;
    EXPECT_GE(window.jumps[0].at, 1);
    EXPECT_LT(window.jumps[0].at, window.jumps[1].at);
    EXPECT_LE(window.jumps[0].by, window.jumps[1].by);
    const double target = 100 * std::pow(50, std::min(1.0, static_cast<double>(i) / 400));
    EXPECT_LE(static_cast<double>(window.jumps[1].by + 100), target + 1) << i;
    farthest = std::max(farthest, window.jumps[1].by + 100);
    first_cut = std::min(first_cut, window.jumps[0].at);
    EXPECT_EQ(window.jumps, skipping.window(i).jumps);
  }
  EXPECT_GT(farthest, 4950);
  EXPECT_LT(first_cut, 5);
}

TEST_F(WindowsTest, JoinedTextShorterThanAWindowIsBadDataWithSizes) {
  const auto error = error_of([&] { WindowSampler(*documents_, *tokenizer_, {.length = 1919}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), ::testing::AllOf(::testing::HasSubstr("1918 tokens in all"),
                                              ::testing::HasSubstr("1400"), ::testing::HasSubstr("1919")));
  WindowSampler(*documents_, *tokenizer_, {.length = 1918});
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

// With a weight below 1 a document is in some passes and not in others: what the first holds says nothing.
TEST_F(WindowsTest, AFractionOfATextIsEnoughWhenPassesAreInTheLongRun) {
  for (int i = 0; i < 2; ++i) write_bytes(folder_ / fmt::format("two/{}", i), distinct_text(120, 7));
  const Documents two =
      load_documents(*make_world_of_one(), {(folder_ / "two/*").string()}, *tokenizer_, folder_ / "cache");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const WindowSampler windows(two, *tokenizer_, {.length = 100, .seed = seed, .weights = {0.5}});
    EXPECT_EQ(windows.window(0).tokens.size(), 100u);
    EXPECT_EQ(windows.facts().documents, 2);
    EXPECT_EQ(windows.facts().tokens, 120);
    expect_error(ErrorKind::kBadData, {"a pass over the text has 96 tokens", "wanted the 100 tokens"},
                 [&] { WindowSampler(two, *tokenizer_, {.length = 100, .seed = seed, .weights = {0.4}}); });
  }
}

// All windows of a pass are the pass, cut; each has the mark in front.
TEST_F(WindowsTest, GradientsReadJoinedDocumentsWhereTrainingDoes) {
  for (int i = 0; i < 30; ++i)
    write_bytes(folder_ / fmt::format("few/{:02}", i), std::string(4, static_cast<char>('A' + i)));
  const Documents few =
      load_documents(*make_world_of_one(), {(folder_ / "few/*").string()}, *tokenizer_, folder_ / "cache");
  const DocumentMarks marks{{256}, {257}};
  const GradientWindows windows(few, {.length = 61, .seed = 3, .packing = Packing::kConcat, .marks = marks});
  std::multiset<int32_t> seen;
  std::map<int32_t, std::set<int32_t>> behind;
  for (int64_t i = 0; i < 3; ++i) {  // 30 documents of 6 tokens
    const std::vector<int32_t> window = windows.window(i).tokens;
    ASSERT_EQ(window.size(), 61u);
    EXPECT_EQ(window[0], 256);
    seen.insert(window.begin() + 1, window.end());
    for (size_t t = 2; t < window.size(); ++t) behind[window[t - 1]].insert(window[t]);
    EXPECT_EQ(windows.window(i).tokens, window);
  }
  for (int32_t letter = 'A'; letter < 'A' + 30; ++letter) {
    EXPECT_EQ(seen.count(letter), 4u);
    for (const int32_t next : behind[letter]) EXPECT_TRUE(next == letter || next == 257) << letter;
  }
  EXPECT_EQ(seen.count(256), 30u);
  EXPECT_EQ(seen.count(257), 30u);
  expect_error(ErrorKind::kBadData, {"gradient steps on the training text: no document has 60 tokens"},
               [&] { GradientWindows(few, {.length = 61, .packing = Packing::kDocuments, .marks = marks}); });
  expect_error(ErrorKind::kBadData,
               {"gradient steps on the training text: a pass over the text has 180 tokens"},
               [&] { GradientWindows(few, {.length = 182, .packing = Packing::kConcat, .marks = marks}); });
}

}  // namespace
}  // namespace ropeway
