#include "parallel/layout/sequence_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/base/error.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Mask = BlockWork::Mask;

template <typename Check>
void for_all_splits(Check check) {
  for (const auto placement : {Placement::kZigzag, Placement::kContiguous, Placement::kBalanced}) {
    for (const int ranks : {1, 2, 3, 4, 5, 7, 8, 16, 33}) {
      SCOPED_TRACE(::testing::Message() << "placement " << static_cast<int>(placement) << ", " << ranks);
      check(SequenceSplit{.ranks = ranks, .placement = placement});
    }
  }
}

SequenceLayout layout_of(SequenceSplit split, int rank, const std::vector<SequenceSpec>& sequences) {
  split.rank = rank;
  return {split, sequences};
}

bool computes(const BlockWork& work, int64_t i, int64_t j) {
  if (work.mask == Mask::kCausal) return j <= i;
  const int64_t distance = work.offset + i - j;
  return work.mask == Mask::kFull || (0 <= distance && distance < work.window);
}

// How often each pair (query, key) of a sequence is computed on any rank at any hop, against the rule written
// out with one document number a position.
void expect_works_are_what_is_visible(const SequenceSplit& split, const std::vector<SequenceSpec>& sequences,
                                      int64_t b) {
  const int64_t n = layout_of(split, 0, sequences).local_length(), length = n * split.ranks;
  const SequenceSpec& spec = sequences[static_cast<size_t>(b)];
  std::vector<int> document(static_cast<size_t>(length), -1);
  for (const int64_t start : spec.documents) {
    for (int64_t p = start; p < length; ++p) ++document[static_cast<size_t>(p)];
  }
  std::vector<int> visible(static_cast<size_t>(length * length), 0), computed(visible);
  for (int64_t i = 0; i < length; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const bool near = spec.window == 0 || i - j < spec.window;
      visible[i * length + j] = near && document[i] == document[j];
    }
  }
  for (int rank = 0; rank < split.ranks; ++rank) {
    const SequenceLayout layout = layout_of(split, rank, sequences);
    const std::vector<int64_t>& queries = layout.positions(b);
    for (int source = 0; source < split.ranks; ++source) {
      const std::vector<int64_t> keys = layout.positions_of(source, b);
      for (const BlockWork& work : layout.works(source)) {
        if (b < work.first_sequence || b >= work.first_sequence + work.num_sequences) continue;
        if (work.mask == Mask::kCausal) {
          EXPECT_EQ(work.query_count, work.key_count);
        }
        for (int64_t i = 0; i < work.query_count; ++i) {
          for (int64_t j = 0; j < work.key_count; ++j) {
            if (!computes(work, i, j)) continue;
            ++computed[queries.at(work.query_begin + i) * length + keys.at(work.key_begin + j)];
          }
        }
      }
    }
  }
  EXPECT_EQ(computed, visible);
}

TEST(SequenceLayout, WorksOfOneDocumentAreTheCausalMaskOnceAndNothingElse) {
  for_all_splits([](const SequenceSplit& split) {
    expect_works_are_what_is_visible(split, {{.length = 6 * split.ranks}}, 0);
  });
}

TEST(SequenceLayout, WorksOfSeveralDocumentsCrossNoBorder) {
  for_all_splits([](const SequenceSplit& split) {
    const int64_t length = 6 * split.ranks;
    const std::vector<SequenceSpec> sequences{{.length = length, .documents = {0, 1, 4}},
                                              {.length = length},
                                              {.length = length - 1, .documents = {0, length / 2}}};
    for (int64_t b = 0; b < 3; ++b) expect_works_are_what_is_visible(split, sequences, b);
  });
}

TEST(SequenceLayout, WorksWithinAWindowAreThatBandAndNothingElse) {
  for_all_splits([](const SequenceSplit& split) {
    const int64_t length = 6 * split.ranks;
    for (const int64_t window :
         {int64_t{1}, int64_t{2}, int64_t{4}, int64_t{9}, length - 1, length, 9 * length}) {
      const std::vector<SequenceSpec> sequences{
          {.length = length, .window = window},
          {.length = length, .documents = {0, 3, length / 2 + 1}, .window = window}};
      for (int64_t b = 0; b < 2; ++b) expect_works_are_what_is_visible(split, sequences, b);
    }
  });
}

// One kernel call a hop for a whole batch: what a ring has to do for sequences of one document.
TEST(SequenceLayout, SequencesOfOneDocumentAreOneWorkPerHop) {
  const std::vector<SequenceSpec> batch{{.length = 16}, {.length = 13}, {.length = 16}};
  const auto work = [](Mask mask, int64_t q, int64_t queries, int64_t k, int64_t keys) {
    return BlockWork{mask, 0, 3, q, queries, k, keys, 0, 0};
  };
  const SequenceLayout zigzag = layout_of({.ranks = 4, .placement = Placement::kZigzag}, 1, batch);
  EXPECT_THAT(zigzag.works(1), ElementsAre(work(Mask::kCausal, 0, 4, 0, 4)));
  EXPECT_THAT(zigzag.works(0), ElementsAre(work(Mask::kFull, 0, 4, 0, 2)));
  EXPECT_THAT(zigzag.works(2), ElementsAre(work(Mask::kFull, 2, 2, 0, 4)));
  EXPECT_THAT(zigzag.works(3), ElementsAre(work(Mask::kFull, 2, 2, 0, 4)));
  const SequenceLayout contiguous = layout_of({.ranks = 4, .placement = Placement::kContiguous}, 1, batch);
  EXPECT_THAT(contiguous.works(1), ElementsAre(work(Mask::kCausal, 0, 4, 0, 4)));
  EXPECT_THAT(contiguous.works(0), ElementsAre(work(Mask::kFull, 0, 4, 0, 4)));
  EXPECT_THAT(contiguous.works(2), IsEmpty());
}

TEST(SequenceLayout, AWindowOverTheWholeSequenceIsNone) {
  const SequenceLayout whole({}, {{.length = 8, .window = 8}}),
      part({}, {{.length = 8}, {.length = 8, .window = 7}});
  EXPECT_FALSE(whole.has_window());
  EXPECT_EQ(whole.works(0), SequenceLayout({}, 1, 8).works(0));
  EXPECT_TRUE(part.has_window());
}

TEST(SequenceLayout, NeighboursWithTheSameBordersShareTheirWorks) {
  const SequenceSpec two{.length = 8, .documents = {0, 4}}, one{.length = 8};
  const SequenceLayout layout({}, {two, two, one});
  ASSERT_EQ(layout.works(0).size(), 3u);
  EXPECT_EQ(layout.works(0)[0].num_sequences, 2);
  EXPECT_EQ(layout.works(0)[1].num_sequences, 2);
  EXPECT_EQ(layout.works(0)[2].first_sequence, 2);
  EXPECT_EQ(layout.works(0)[2].query_count, 8);
}

// Zigzag's reason to be: the same number of causal pairs for every rank, and at every hop.
TEST(Zigzag, GivesEveryRankTheSameWorkAtEveryHop) {
  for (const int ranks : {1, 2, 3, 4, 8, 17}) {
    const int64_t n = 8;
    const int64_t length = n * ranks, total_pairs = length * (length + 1) / 2;
    for (int rank = 0; rank < ranks; ++rank) {
      const SequenceLayout layout = layout_of({.ranks = ranks}, rank, {{.length = length}});
      int64_t pairs = 0;
      for (int source = 0; source < ranks; ++source) {
        int64_t here = 0;
        for (const BlockWork& work : layout.works(source)) {
          here += work.mask == Mask::kCausal ? n * (n + 1) / 2 : work.query_count * work.key_count;
        }
        if (source != rank) {
          EXPECT_EQ(here, n * n / 2);
        }
        pairs += here;
      }
      EXPECT_EQ(pairs * ranks, total_pairs) << "rank " << rank << " of " << ranks;
    }
  }
}

TEST(SequenceLayout, PadsEverySequenceToWhatTheLongestNeeds) {
  const SequenceSplit split{.ranks = 2, .rank = 1, .placement = Placement::kContiguous, .chunk_multiple = 3};
  const SequenceLayout layout(split, {{.length = 4}, {.length = 8}});
  EXPECT_EQ(layout.longest(), 8);
  EXPECT_EQ(layout.local_length(), 6);
  EXPECT_THAT(layout.positions(0), ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_EQ(layout.positions(1), layout.positions(0));
  EXPECT_THAT(layout.positions_of(0, 1), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(SequenceLayout, RopeCountsFromTheStartOfADocument) {
  const SequenceSplit split{.ranks = 2, .rank = 0, .placement = Placement::kZigzag};
  const SequenceSpec one{.length = 8}, two{.length = 8, .documents = {0, 1, 7}};
  const SequenceLayout layout(split, {one, two, one});
  ASSERT_EQ(layout.rotary_lists().size(), 2u);
  EXPECT_EQ(layout.rotary_list_of(2), layout.rotary_list_of(0));
  EXPECT_THAT(layout.positions(1), ElementsAre(0, 1, 6, 7));
  EXPECT_THAT(layout.rotary_lists()[layout.rotary_list_of(0)].positions, ElementsAre(0, 1, 6, 7));
  EXPECT_THAT(layout.rotary_lists()[layout.rotary_list_of(1)].positions, ElementsAre(0, 0, 5, 0));
}

TEST(SequenceLayout, SequencesTurnByTheFactorSetThatTheyName) {
  const SequenceSpec one{.length = 8}, other{.length = 8, .factor_set = 1};
  const SequenceLayout layout({.ranks = 2, .rank = 1}, {one, other, one, other});
  ASSERT_EQ(layout.rotary_lists().size(), 2u);
  EXPECT_EQ(layout.num_factor_sets(), 2);
  for (const int64_t b : {0, 1, 2, 3}) {
    const RotaryList& list = layout.rotary_lists()[layout.rotary_list_of(b)];
    EXPECT_EQ(list.factor_set, b % 2);
    EXPECT_THAT(list.positions, ElementsAre(2, 3, 4, 5));
  }
  EXPECT_EQ(SequenceLayout({}, 3, 8).num_factor_sets(), 1);
  EXPECT_EQ(layout.with_window(2).num_factor_sets(), 2);
}

// Attention sees what it would see without them.
TEST(SequenceLayout, RopeCountsFurtherBehindAJump) {
  const SequenceSpec plain{.length = 8}, skips{.length = 8, .jumps = {{2, 10}, {7, 90}}};
  for (const int rank : {0, 1}) {
    const SequenceLayout layout({.ranks = 2, .rank = rank}, {plain, skips});
    const RotaryList& list = layout.rotary_lists()[layout.rotary_list_of(1)];
    const std::vector<int64_t> first{0, 1, 16, 97}, second{12, 13, 14, 15};
    EXPECT_EQ(list.positions, rank == 0 ? first : second);
    for (const int source : {0, 1}) {
      for (const BlockWork& work : layout.works(source)) EXPECT_EQ(work.num_sequences, 2);
    }
  }
}

TEST(SequenceLayout, SequencesThatMakeNoSenseAreRefused) {
  const auto make = [](const SequenceSpec& sequence) { return SequenceLayout({}, {sequence}); };
  EXPECT_NO_THROW(make({.length = 8, .documents = {0, 7}}));
  EXPECT_THROW(make({.length = 0}), Error);
  EXPECT_THROW(make({.length = 8, .documents = {}}), Error);
  EXPECT_THROW(make({.length = 8, .documents = {1}}), Error);
  EXPECT_THROW(make({.length = 8, .documents = {0, 4, 4}}), Error);
  EXPECT_THROW(make({.length = 8, .documents = {0, 8}}), Error);
  EXPECT_THROW(make({.length = 8, .window = -1}), Error);
  EXPECT_THROW(make({.length = 8, .factor_set = -1}), Error);
  EXPECT_NO_THROW(make({.length = 8, .jumps = {{1, 0}, {7, 3}}}));
  EXPECT_THROW(make({.length = 8, .jumps = {{0, 3}}}), Error);
  EXPECT_THROW(make({.length = 8, .jumps = {{2, 3}, {4, 2}}}), Error);
  EXPECT_THROW(make({.length = 8, .jumps = {{4, 2}, {2, 3}}}), Error);
  EXPECT_THROW(make({.length = 8, .documents = {0, 4}, .jumps = {{2, 3}}}), Error);
}

}  // namespace
}  // namespace ropeway::testing
