// Where windows lie, against counts by hand.
#include "trainer/evaluate/scored_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/corpus.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

std::vector<ScoredWindow> windows_of(const Corpus& corpus, const WindowRule& rule,
                                     const std::vector<int32_t>& start = {}) {
  return scored_windows(MarkedDocuments(*corpus, {start, {}}), rule);
}

// Places in the documents of all targets: (document, position of the token).
std::multiset<std::pair<size_t, int64_t>> targets_of(const std::vector<ScoredWindow>& windows, int64_t length,
                                                     int64_t start = 0) {
  std::multiset<std::pair<size_t, int64_t>> targets;
  for (const ScoredWindow& window : windows) {
    EXPECT_EQ(window.score_from + 1 + window.targets, length);
    for (int64_t t = window.score_from + 1; t < length; ++t) {
      targets.insert({window.document, window.begin + t - start});
    }
  }
  return targets;
}

TEST(ScoredWindows, PlainOnesAreDisjointAndScoredInFull) {
  const Corpus corpus({random_letters(70, 1), random_letters(31, 2), random_letters(32, 3)});
  EXPECT_THAT(windows_of(corpus, {.length = 32}),
              ElementsAre(ScoredWindow{0, 0, 0, 31}, ScoredWindow{0, 32, 0, 31}, ScoredWindow{2, 0, 0, 31}));
  // A BOS leaves 31 tokens of text, each of them a target.
  EXPECT_THAT(windows_of(corpus, {.length = 32, .windows = 3}, {1}),
              ElementsAre(ScoredWindow{0, 0, 0, 31}, ScoredWindow{0, 31, 0, 31}, ScoredWindow{1, 0, 0, 31}));
  EXPECT_EQ(windows_of(corpus, {.length = 32, .target_tokens = 32}).size(), 2u);
  EXPECT_EQ(windows_of(corpus, {.length = 32, .windows = 1, .target_tokens = 32}).size(), 1u);
}

TEST(ScoredWindows, AlignedOnesScoreTheSameTokensAtEveryLength) {
  const Corpus corpus({random_letters(300, 1), random_letters(90, 2), random_letters(130, 3)});
  for (const std::vector<int32_t>& start : {std::vector<int32_t>{}, {1}, {1, 2}}) {
    const auto marks = static_cast<int64_t>(start.size());
    const int64_t targets = 16 - std::max<int64_t>(1, marks);
    const auto at = [&](int64_t length) {
      const auto windows = windows_of(corpus, {.length = length, .align_to = 100, .targets = targets}, start);
      return targets_of(windows, length, marks);
    };
    // 300 hold three windows of 100, or of 98 and their marks; 90 none; 130 one.
    EXPECT_EQ(at(100).size(), static_cast<size_t>(4 * targets));
    EXPECT_EQ(at(100), at(16));
    EXPECT_EQ(at(100), at(33));
  }
}

TEST(ScoredWindows, AlignedOnesEndWhereTheLongestFits) {
  const Corpus corpus({random_letters(300, 1)});
  const auto windows = windows_of(corpus, {.length = 16, .align_to = 100, .targets = 15});
  EXPECT_THAT(windows, ElementsAre(ScoredWindow{0, 84, 0, 15}, ScoredWindow{0, 184, 0, 15},
                                   ScoredWindow{0, 284, 0, 15}));
  // Fewer than there are: spread over them.
  EXPECT_THAT(windows_of(corpus, {.length = 16, .align_to = 100, .targets = 15, .windows = 2}),
              ElementsAre(windows[0], windows[1]));
}

TEST(ScoredWindows, MoreAlignedOnesThanAreDisjointOverlapWithDisjointTargets) {
  const Corpus corpus({random_letters(300, 1), random_letters(100, 2)});
  const auto windows =
      windows_of(corpus, {.length = 100, .align_to = 100, .targets = 15, .target_tokens = 90});
  EXPECT_EQ(windows.size(), 6u);
  const auto targets = targets_of(windows, 100);
  EXPECT_EQ(targets.size(), 90u);
  EXPECT_EQ((std::set<std::pair<size_t, int64_t>>(targets.begin(), targets.end()).size()), 90u);
  EXPECT_EQ(windows.front().begin, 0);
  // Ends from 100 to 295 in steps of 15 are 14, and one in the second document.
  EXPECT_EQ(
      windows_of(corpus, {.length = 100, .align_to = 100, .targets = 15, .target_tokens = 100000}).size(),
      15u);
}

// The definition of a sliding window, written out: a window begins every `stride` tokens, and every token but
// the first is scored once, by the first window that holds it.
TEST(ScoredWindows, SlidingOnesScoreEveryTokenOnceWithAllTheContextThereIs) {
  const Corpus corpus({random_letters(100, 1), random_letters(47, 2)});
  const auto windows = windows_of(corpus, {.length = 40, .stride = 8});
  std::multiset<std::pair<size_t, int64_t>> wanted;
  for (const auto& [document, size] : {std::pair<size_t, int64_t>{0, 100}, {1, 47}}) {
    int64_t scored_until = 1;
    for (int64_t begin = 0; begin + 40 <= size; begin += 8) {
      for (; scored_until < begin + 40; ++scored_until) wanted.insert({document, scored_until});
    }
  }
  EXPECT_EQ(targets_of(windows, 40), wanted);
  EXPECT_EQ(windows.size(), 8u + 1u);
  EXPECT_EQ(windows[1], (ScoredWindow{0, 8, 31, 8}));
}

TEST(ScoredWindows, DocumentsTakeTurnsWhereSlidingOnesAreLimited) {
  const Corpus corpus({random_letters(100, 1), random_letters(100, 2)});
  const auto windows = windows_of(corpus, {.length = 40, .stride = 8, .windows = 4});
  EXPECT_THAT(windows, ElementsAre(ScoredWindow{0, 0, 0, 39}, ScoredWindow{0, 8, 31, 8},
                                   ScoredWindow{1, 0, 0, 39}, ScoredWindow{1, 8, 31, 8}));
}

TEST(ScoredWindows, AStrideBeyondWhatAWindowScoresIsRefused) {
  const auto error =
      error_of([] { windows_of(Corpus({random_letters(100, 1)}), {.length = 40, .stride = 40}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace ropeway
