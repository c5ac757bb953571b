// The controls on scoring functions made to pass and made to fail: what a model would have to do is written
// out.
#include "trainer/evaluate/controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/corpus.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/foreign_text.h"
#include "trainer/evaluate/repetition.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kWindow = 128, kLength = 1024;

// The loss of token t of a sequence, and whether it is the likeliest.
struct Prediction {
  double nll = 0;
  bool correct = false;
};
using Predictor = std::function<Prediction(const std::vector<int32_t>& tokens, int64_t t)>;

ScoreSequences scoring(const Predictor& predict) {
  return [predict](const SequenceSet& sequences, const std::string&, const UseScore& use) {
    for (int64_t i = 0; i < sequences.count; ++i) {
      const SequenceToScore sequence = sequences.of(i);
      ASSERT_EQ(std::ssize(sequence.tokens), sequences.length);
      std::vector<double> nll(sequence.tokens.size() - 1, 0.0);
      std::vector<uint8_t> correct(nll.size(), 0);
      for (int64_t t = sequence.score_from; t + 1 < sequences.length; ++t) {
        const Prediction prediction = predict(sequence.tokens, t + 1);
        nll[static_cast<size_t>(t)] = prediction.nll;
        correct[static_cast<size_t>(t)] = prediction.correct ? 1 : 0;
      }
      use(i, {nll, correct});
    }
  };
}

// Copies what followed the latest place at which the last `match` tokens stood before, no further back than
// `reach`. Where there is none, or it was another token, the loss is that of guessing. A pinch of noise that
// depends on the token keeps intervals from being points.
Predictor copier(int64_t match, int64_t reach) {
  return [=](const std::vector<int32_t>& tokens, int64_t t) {
    const double noise = 0.01 * static_cast<double>((tokens[static_cast<size_t>(t)] * 7 + t) % 11);
    const auto target = tokens.begin() + t;
    for (int64_t at = t - 1; at >= match && t - at <= reach; --at) {
      const auto before = tokens.begin() + at;
      if (!std::equal(before - match, before, target - match)) continue;
      return *before == *target ? Prediction{0.1 + noise, true} : Prediction{4 + noise, false};
    }
    return Prediction{3 + noise, false};
  };
}

// The share of a sequence's last `reach` tokens that are like the token: a loss that falls with every tenth
// of the text that is of its kind.
Predictor same_kind(int64_t reach) {
  return [=](const std::vector<int32_t>& tokens, int64_t t) {
    const int64_t begin = std::max<int64_t>(0, t - reach);
    int64_t alike = 0;
    for (int64_t i = begin; i < t; ++i)
      alike += tokens[static_cast<size_t>(i)] == tokens[static_cast<size_t>(t)];
    return Prediction{-std::log((static_cast<double>(alike) + 0.5) / static_cast<double>(t - begin + 16)),
                      false};
  };
}

std::string letters(const std::string& alphabet, size_t size, uint64_t seed) {
  Philox random(seed, Stream::kInit);
  std::string text;
  while (text.size() < size) text.push_back(alphabet[random.below(alphabet.size())]);
  return text;
}

class ControlsTest : public ::testing::Test {
 protected:
  ControlResult run(ControlKind kind, const Predictor& at_length, const Predictor& at_window) {
    const MarkedDocuments documents(*corpus_, {});
    return run_controls({kind}, {scoring(at_length), scoring(at_window), documents, tokenizer_.get()},
                        {.length = kLength, .original_window = kWindow, .windows = 6, .needles = 8})
        .front();
  }
  ControlResult run(ControlKind kind, const Predictor& predict) { return run(kind, predict, predict); }

  // Two documents of different letters.
  const Corpus corpus_{{letters("abcdefghijklm", 4000, 1), letters("nopqrstuvwxyz", 4000, 2)}};
  const std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
};

TEST_F(ControlsTest, CropPassesForAModelThatUsesAllItsContext) {
  const ControlResult result = run(ControlKind::kCrop, same_kind(kLength));
  EXPECT_TRUE(result.passed);
  EXPECT_LT(result.figure, 0);
  ASSERT_TRUE(result.interval.has_value());
  EXPECT_LT(result.interval->high, 0);
}

TEST_F(ControlsTest, CropFailsForAModelThatSeesNoFurtherThanTheCrop) {
  // Looks at so little that the crop holds all of it: not a bit of difference.
  const ControlResult same = run(ControlKind::kCrop, same_kind(kWindow / 2));
  EXPECT_FALSE(same.passed);
  EXPECT_EQ(same.figure, 0);
}

TEST_F(ControlsTest, CropFailsForAModelThatTheLongContextHurts) {
  const Predictor base = same_kind(kWindow);
  const ControlResult worse = run(
      ControlKind::kCrop,
      [&](const std::vector<int32_t>& tokens, int64_t t) {
        return Prediction{base(tokens, t).nll + 0.05, false};
      },
      base);
  EXPECT_FALSE(worse.passed);
  EXPECT_GT(worse.figure, 0);
}

TEST_F(ControlsTest, ForeignPrefixPassesOnlyWhereTheContextMatters) {
  const ControlResult reads = run(ControlKind::kForeignPrefix, same_kind(kLength));
  EXPECT_TRUE(reads.passed);
  EXPECT_GT(reads.figure, 0.5);  // seven eighths of the context are of other letters
  const ControlResult ignores = run(ControlKind::kForeignPrefix, same_kind(kWindow / 2));
  EXPECT_FALSE(ignores.passed);
  EXPECT_EQ(ignores.figure, 0);
}

TEST_F(ControlsTest, RepetitionPassesWhereEveryDistanceIsReached) {
  const ControlResult copies = run(ControlKind::kRepetition, copier(3, kLength));
  EXPECT_TRUE(copies.passed);
  EXPECT_GT(copies.figure, 0);
  ASSERT_GE(copies.distances.size(), 4u);
  EXPECT_EQ(copies.distances.front().distance, kWindow / 2);
  EXPECT_GT(copies.distances.back().distance, kLength * 9 / 10);
}

TEST_F(ControlsTest, RepetitionFailsAtTheDistancesThatAModelDoesNotReach) {
  const ControlResult result = run(ControlKind::kRepetition, copier(3, kLength / 2));
  EXPECT_FALSE(result.passed);
  EXPECT_TRUE(result.distances.front().interval->low > 0) << "the near ones are found";
  EXPECT_FALSE(result.distances.back().interval->low > 0);
}

TEST_F(ControlsTest, ConfusableKeysPassForAModelThatReadsTheWholeKey) {
  const ControlResult reads = run(ControlKind::kConfusableKeys, copier(14, kLength));
  EXPECT_EQ(reads.figure, 1);
  EXPECT_TRUE(reads.passed);
}

// Finds "Locker ... holds " but not which locker.
TEST_F(ControlsTest, ConfusableKeysFailForAModelThatTakesAnyKey) {
  const ControlResult any = run(ControlKind::kConfusableKeys, copier(6, kLength));
  EXPECT_FALSE(any.passed);
  EXPECT_LT(any.figure, 0.3);
}

TEST_F(ControlsTest, TheWindowsAsTheyAreAreScoredOnceForAll) {
  int64_t at_length = 0, at_window = 0;
  const auto counting = [](int64_t& count) {
    const ScoreSequences score = scoring(same_kind(kLength));
    return [&count, score](const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
      count += sequences.count;
      score(sequences, purpose, use);
    };
  };
  const std::vector<ControlKind> kinds = {ControlKind::kCrop, ControlKind::kForeignPrefix,
                                          ControlKind::kRepetition, ControlKind::kConfusableKeys};
  const MarkedDocuments documents(*corpus_, {});
  run_controls(kinds, {counting(at_length), counting(at_window), documents, tokenizer_.get()},
               {.length = kLength, .original_window = kWindow, .windows = 5, .needles = 8});
  const ControlPasses passes = control_passes(kinds, 5);
  EXPECT_EQ(at_length, 4 * 5);
  EXPECT_EQ(at_length, passes.at_length);
  EXPECT_EQ(at_window, 5);
  EXPECT_EQ(at_window, passes.at_window);
  EXPECT_EQ(control_passes({ControlKind::kConfusableKeys}, 5).at_length, 5);
}

TEST_F(ControlsTest, TextTooShortForForeignContextIsRefusedWithSizes) {
  const Corpus single({letters("abcd", 1200, 3)});
  const MarkedDocuments documents(*single, {});
  const ScoreSequences score = scoring(same_kind(kLength));
  const auto error = error_of([&] {
    run_controls({ControlKind::kForeignPrefix}, {score, score, documents, nullptr},
                 {.length = kLength, .original_window = kWindow, .windows = 1});
  });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("no foreign context of 896 tokens"));
  EXPECT_THAT(error->what(), HasSubstr("has 176 more"));
}

TEST_F(ControlsTest, ALengthWithinTheWindowIsRefused) {
  const MarkedDocuments documents(*corpus_, {});
  const ScoreSequences score = scoring(same_kind(kLength));
  const auto error = error_of([&] {
    run_controls({ControlKind::kCrop}, {score, score, documents, nullptr},
                 {.length = kWindow, .original_window = kWindow});
  });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

TEST(ForeignText, IsOfOtherDocumentsAndGoesOnFromTheFirst) {
  const Corpus corpus({std::string(50, 'a'), std::string(30, 'b'), std::string(20, 'c')});
  const MarkedDocuments documents(*corpus, {});
  const std::vector<int32_t> text = foreign_text(documents, {0, 0, 0, 1}, 50, 40, 1);
  // 40 behind the first 40 of "bbb...ccc...".
  std::vector<int32_t> wanted(10, 'c');
  wanted.insert(wanted.end(), 30, 'b');
  EXPECT_EQ(text, wanted);
}

TEST(Repetition, CopiesLieAtTheirDistancesAndNowhereOnAnother) {
  for (const auto& [length, window, start] : {std::tuple<int64_t, int64_t, int64_t>{512, 256, 0},
                                              {1024, 256, 1},
                                              {16384, 256, 1},
                                              {131072, 256, 0},
                                              {2097152, 4096, 1},
                                              {320, 256, 1},
                                              {300, 16, 0}}) {
    const RepetitionLayout layout = repetition_layout(length, window, start);
    ASSERT_FALSE(layout.distances.empty());
    EXPECT_LE(layout.distances.size(), 8u);
    EXPECT_EQ(layout.passage, window / 16);
    std::vector<int64_t> begins;
    const int64_t first = length - layout.targets();
    for (size_t k = 0; k < layout.distances.size(); ++k) {
      const int64_t at = first + static_cast<int64_t>(k) * layout.passage - layout.distances[k];
      EXPECT_GE(at, start);
      EXPECT_LE(at + layout.passage, first);
      begins.push_back(at);
    }
    std::ranges::sort(begins);
    for (size_t k = 1; k < begins.size(); ++k) EXPECT_GE(begins[k], begins[k - 1] + layout.passage) << length;
    EXPECT_GE(layout.distances.back(), (length - start) * 3 / 4 - window / 2) << length;
  }
}

}  // namespace
}  // namespace ropeway
