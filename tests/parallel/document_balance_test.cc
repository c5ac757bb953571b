// The schedule of packed documents over ranks, for random lengths of documents.
#include "parallel/layout/document_balance.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/random.h"
#include "parallel/layout/sequence_layout.h"

namespace ropeway::testing {
namespace {

struct Packed {
  int64_t length = 0;  // padded for the ranks
  std::vector<int64_t> starts;
};

Packed packed(const std::vector<int64_t>& lengths, int ranks) {
  Packed p;
  for (const int64_t length : lengths) {
    p.starts.push_back(p.length);
    p.length += length;
  }
  p.length = padded_length(p.length, ranks, Placement::kBalanced, 1);
  return p;
}

RankRuns zigzag(int64_t length, int ranks) {
  RankRuns runs;
  for (int rank = 0; rank < ranks; ++rank)
    runs.push_back(local_runs(length, ranks, rank, Placement::kZigzag));
  return runs;
}

rc::Gen<std::vector<int64_t>> document_lengths(int64_t longest) {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, longest)));
}

RC_GTEST_PROP(DocumentBalance, EveryRankHoldsAsManyTokensAndEveryTokenIsHeldOnce, ()) {
  const int ranks = *rc::gen::inRange(1, 20);
  const Packed p = packed(*document_lengths(300), ranks);
  std::vector<int> held(static_cast<size_t>(p.length), 0);
  for (const std::vector<PositionRun>& runs : balanced_runs(p.length, p.starts, ranks)) {
    int64_t row = 0, last = -1;
    for (const PositionRun& run : runs) {
      RC_ASSERT(run.row == row && run.count > 0 && run.position > last);
      for (int64_t i = 0; i < run.count; ++i) ++held[static_cast<size_t>(run.position + i)];
      row += run.count;
      last = run.position + run.count - 1;
    }
    RC_ASSERT(row == p.length / ranks);
  }
  RC_ASSERT(std::ranges::count(held, 1) == p.length);
}

RC_GTEST_PROP(DocumentBalance, IsNeverWorseThanPlainZigzag, ()) {
  const int ranks = *rc::gen::inRange(1, 20);
  const Packed p = packed(*document_lengths(2000), ranks);
  const double plain = area_balance(zigzag(p.length, ranks), p.starts);
  RC_ASSERT(area_balance(balanced_runs(p.length, p.starts, ranks), p.starts) <= plain * (1 + 1e-12));
}

// Pairs counted one by one, against the works of all ranks and the ring steps at which their keys come by.
RC_GTEST_PROP(DocumentBalance, EveryVisiblePairIsAttendedOnceWithinTheRingSteps, ()) {
  const int ranks = *rc::gen::inRange(1, 9);
  const int64_t window = *rc::gen::element<int64_t>(0, 1, 4, 30);
  const Packed p = packed(*document_lengths(24), ranks);
  const auto size = static_cast<size_t>(p.length);
  std::vector<int> attended(size * size, 0);
  for (int rank = 0; rank < ranks; ++rank) {
    const SequenceLayout layout({.ranks = ranks, .rank = rank, .placement = Placement::kBalanced},
                                {{.length = p.length, .documents = p.starts, .window = window}});
    for (int source = 0; source < ranks; ++source) {
      const std::vector<int64_t> keys = layout.positions_of(source, 0);
      const int step = (rank - source + ranks) % ranks;
      RC_ASSERT(layout.works(source).empty() || step < layout.ring_steps());
      for (const BlockWork& work : layout.works(source)) {
        for (int64_t i = 0; i < work.query_count; ++i) {
          for (int64_t j = 0; j < work.key_count; ++j) {
            const int64_t distance = work.offset + i - j;
            const bool sees =
                work.mask == BlockWork::Mask::kFull || (work.mask == BlockWork::Mask::kCausal && j <= i) ||
                (work.mask == BlockWork::Mask::kBand && 0 <= distance && distance < work.window);
            if (!sees) continue;
            ++attended[static_cast<size_t>(layout.positions(0)[static_cast<size_t>(work.query_begin + i)]) *
                           size +
                       static_cast<size_t>(keys[static_cast<size_t>(work.key_begin + j)])];
          }
        }
      }
    }
  }
  int64_t area = 0;
  for (int64_t q = 0; q < p.length; ++q) {
    const int64_t start = *std::prev(std::ranges::upper_bound(p.starts, q));
    for (int64_t k = 0; k < p.length; ++k) {
      const bool visible = k <= q && k >= start && (window == 0 || q - k < window);
      area += visible ? 1 : 0;
      RC_ASSERT(attended[static_cast<size_t>(q) * size + static_cast<size_t>(k)] == (visible ? 1 : 0));
    }
  }
  int64_t counted = 0;
  for (const auto& runs : balanced_runs(p.length, p.starts, ranks))
    counted += causal_area(runs, p.starts, window);
  RC_ASSERT(counted == area);
}

// Lengths as texts have them: uniform, of every order of magnitude, exponential, a few books among letters.
int64_t draw_length(int kind, Philox& random) {
  const double u = random.uniform();
  switch (kind) {
    case 0:
      return 1 + static_cast<int64_t>(u * 1000);
    case 1:
      return static_cast<int64_t>(std::exp(u * std::log(1e5)));
    case 2:
      return 1 + static_cast<int64_t>(-2000 * std::log(u + 1e-12));
    default:
      return static_cast<int64_t>(std::min(1e6, 100 / (u + 1e-9)));
  }
}

TEST(DocumentBalance, IsWithinFivePercentOnEightRanksWhereDocumentsAreMany) {
  constexpr int kDraws = 200, kRanks = 8;
  for (int kind = 0; kind < 4; ++kind) {
    for (const int documents : {64, 100, 400}) {
      int within = 0;
      for (uint64_t draw = 0; draw < kDraws; ++draw) {
        Philox random(7, Stream::kSearchData, draw, static_cast<uint64_t>(100 * kind + documents));
        std::vector<int64_t> lengths;
        for (int i = 0; i < documents; ++i) lengths.push_back(draw_length(kind, random));
        const Packed p = packed(lengths, kRanks);
        if (area_balance(balanced_runs(p.length, p.starts, kRanks), p.starts) <= 1.05) ++within;
      }
      EXPECT_GE(within, kDraws * 95 / 100) << "lengths of kind " << kind << ", " << documents << " documents";
    }
  }
}

TEST(DocumentBalance, KeepsOneDocumentInZigzag) { EXPECT_EQ(balanced_runs(64, {0}, 4), zigzag(64, 4)); }

// Documents of a rank's size: each stays whole, so nothing need travel.
TEST(DocumentBalance, EqualDocumentsStayWholeAndNeedNoHops) {
  const SequenceLayout layout({.ranks = 4, .rank = 1, .placement = Placement::kBalanced},
                              {{.length = 64, .documents = {0, 8, 16, 24, 32, 40, 48, 56}}});
  EXPECT_EQ(layout.ring_steps(), 1);
  EXPECT_DOUBLE_EQ(layout.balance(), 1);
}

}  // namespace
}  // namespace ropeway::testing
