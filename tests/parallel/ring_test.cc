#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/attention/block_attention.h"
#include "kernels/base/error.h"
#include "kernels/ops/attention_ops.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/layout_cases.h"
#include "tests/parallel/ring_cases.h"

namespace ropeway::testing {
namespace {

class Ring : public ::testing::TestWithParam<RingCase> {};

TEST_P(Ring, AgreesWithAttentionOfTheWholeSequence) {
  for (const int64_t batch : {1, 2}) {
    RingCase c = GetParam();
    c.batch = batch;
    const AttentionProblem problem = make_problem(c);
    for (const int ranks : {1, 2, 4, 8}) {
      run_thread_world(ranks, [&](Communicator& comm) {
        const RingErrors errors = ring_errors(comm, c, problem);
        const double limit = c.dtype == at::kDouble ? 1e-10 : 2e-6;
        EXPECT_LE(errors.out, limit) << ranks << " ranks, batch " << batch;
        EXPECT_LE(errors.lse, limit) << ranks << " ranks, batch " << batch;
        EXPECT_LE(errors.dq, limit) << ranks << " ranks, batch " << batch;
        EXPECT_LE(errors.dk, limit) << ranks << " ranks, batch " << batch;
        EXPECT_LE(errors.dv, limit) << ranks << " ranks, batch " << batch;
      });
    }
  }
}

std::vector<RingCase> all_cases() {
  std::vector<RingCase> cases;
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    for (const auto placement : {Placement::kZigzag, Placement::kContiguous}) {
      for (const int64_t kv_heads : {4, 2, 1}) {  // multi-head, grouped-query, multi-query
        cases.push_back({.placement = placement, .kv_heads = kv_heads, .dtype = dtype});
      }
    }
  }
  cases.push_back({.length = 48, .fused_inputs = false});
  cases.push_back({.length = 16, .heads = 3, .kv_heads = 1, .head_dim = 5});  // one token a chunk on 8 ranks
  cases.push_back({.length = 512, .heads = 2, .kv_heads = 1, .head_dim = 32, .dtype = at::kFloat});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(All, Ring, ::testing::ValuesIn(all_cases()),
                         [](const ::testing::TestParamInfo<RingCase>& info) { return name_of(info.param); });

// Five ranks: neither a power of two nor even.
TEST(RingAttention, AgreesOnFiveRanks) {
  const RingCase c{.length = 70, .kv_heads = 2};
  const AttentionProblem problem = make_problem(c);
  run_thread_world(5, [&](Communicator& comm) { EXPECT_LE(ring_errors(comm, c, problem).largest(), 1e-10); });
}

TEST(RingAttention, MergeAddsAtMostATenthToTheKernelsError) {
  const RingCase c{.length = 1024, .heads = 2, .kv_heads = 1, .head_dim = 64, .dtype = at::kFloat};
  const AttentionProblem problem = make_problem(c);
  RingErrors plain{};
  run_thread_world(1, [&](Communicator& comm) { plain = ring_errors(comm, c, problem); });
  for (const int ranks : {2, 4, 8}) {
    run_thread_world(ranks, [&](Communicator& comm) {
      const RingErrors ring = ring_errors(comm, c, problem);
      EXPECT_LE(ring.out, 1.1 * plain.out) << ranks << " ranks";
      EXPECT_LE(ring.dq, 1.1 * plain.dq) << ranks << " ranks";
      EXPECT_LE(ring.dk, 1.1 * plain.dk) << ranks << " ranks";
      EXPECT_LE(ring.dv, 1.1 * plain.dv) << ranks << " ranks";
    });
  }
}

TEST(RingAttention, OneRankIsThePlainKernelBitForBit) {
  const at::Tensor q = at::randn({1, 32, 4, 16}), k = at::randn({1, 32, 2, 16}),
                   v = at::randn({1, 32, 2, 16});
  const auto first = [](const at::Tensor& t) { return t.transpose(1, 2); };
  const auto plain = ops::block_attention(first(q), first(k), first(v), true, 0.25);
  const auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  const auto result = ring.forward(layout_for(ring, q), q, k, v, 0.25);
  EXPECT_TRUE(at::equal(result.out, first(plain.out)));
  EXPECT_TRUE(at::equal(result.lse, plain.lse));
  EXPECT_EQ(ring.bytes_sent(), 0);
  EXPECT_EQ(ring.slot_allocations(), 0);
}

// The second implementation: the definition of attention, from the layout alone.
TEST(RingAttention, AgreesWithTheReferenceOnEveryLayout) {
  for (const LayoutCase& c : layout_cases()) {
    for (const int ranks : {1, 2, 3, 4}) {
      run_thread_world(ranks, [&](Communicator& comm) {
        EXPECT_LE(ring_errors(comm, c).largest(), 1e-10) << c << ", " << ranks << " ranks";
      });
    }
  }
}

// Below, at and beyond the window, with chunks that lie within it, across its edge and outside, and
// documents.
TEST(RingAttention, SeesThroughWindows) {
  for (const Placement placement : {Placement::kZigzag, Placement::kContiguous}) {
    for (const int64_t window : {2, 7, 12, 23, 24, 25, 40, 71, 72, 73}) {
      const std::vector<SequenceSpec> one{{.length = 72, .window = window}};
      const std::vector<SequenceSpec> many{{.length = 72, .documents = {0, 5, 6, 40}, .window = window},
                                           {.length = 70, .window = window}};
      for (const LayoutCase& c :
           {LayoutCase{.name = "one document", .sequences = one, .placement = placement},
            LayoutCase{.name = "several documents under a soft cap",
            .sequences = many,
            .placement = placement,
            .softcap = 0.7}}) {
        for (const int ranks : {1, 2, 3, 4}) {
          run_thread_world(ranks, [&](Communicator& comm) {
            EXPECT_LE(ring_errors(comm, c).largest(), 1e-10) << c << ", window " << window << ", " << ranks;
          });
        }
      }
    }
  }
}

// Keys go no further than somebody wants them.
TEST(RingAttention, HopsEndWithTheWindow) {
  const int64_t length = 64,
                row_bytes = 2 * 2 * 4 * static_cast<int64_t>(sizeof(float));  // k, v; heads; dims
  for (const auto& [window, hops] :
       {std::pair<int64_t, int64_t>{16, 1}, {17, 1}, {18, 2}, {33, 2}, {64, 3}}) {
    run_thread_world(4, [&, window = window, hops = hops](Communicator& comm) {
      RingAttention ring(comm, Placement::kContiguous);
      const at::Tensor q = at::randn({1, length / 4, 2, 4});
      const SequenceLayout layout(ring.split(), {{.length = length, .window = window}});
      ring.forward(layout, q, q, q, 0.3);
      EXPECT_EQ(ring.bytes_sent(), hops * length / 4 * row_bytes) << window;
    });
  }
}

// A hop less of the keys' gradients than of a whole round, where the last one goes home over those in
// between.
TEST(RingAttention, GradientsGoHomeInOneHop) {
  const int64_t length = 64, slot_bytes = 2 * (length / 4) * 2 * 4 * static_cast<int64_t>(sizeof(float));
  const std::vector<int64_t> quarters = {0, 16, 32, 48};
  struct Case {
    SequenceSpec sequence;
    int64_t steps;
  };
  for (const Case& c :
       {Case{{.length = length, .window = 16}, 2}, Case{{.length = length, .documents = quarters}, 1},
        Case{{.length = length, .documents = {0, 30}}, 3}, Case{{.length = length}, 4}}) {
    run_thread_world(4, [&](Communicator& comm) {
      RingAttention ring(comm, Placement::kContiguous);
      const at::Tensor q = at::randn({1, length / 4, 2, 4});
      const SequenceLayout layout(ring.split(), {c.sequence});
      EXPECT_EQ(layout.ring_steps(), c.steps);
      const auto result = ring.forward(layout, q, q, q, 0.3);
      ring.backward(layout, q, q, q, q, result.out, result.lse, 0.3);
      const int64_t gradient_hops = c.steps > 1 ? c.steps : 0;
      EXPECT_EQ(ring.bytes_sent(), (2 * (c.steps - 1) + gradient_hops) * slot_bytes) << c.steps;
    });
  }
}

// What the kernel's tiles go through, over all ranks: the window and at most a tile of keys for each query.
TEST(RingAttention, WorkIsLinearInTheWindow) {
  constexpr int64_t kLength = 4096, kTile = 64;
  for (const Placement placement : {Placement::kZigzag, Placement::kContiguous, Placement::kBalanced}) {
    for (const int64_t window : {64, 128, 256, 512, 1024}) {
      int64_t visible = 0, computed = 0;
      for (int rank = 0; rank < 4; ++rank) {
        const SequenceLayout layout({.ranks = 4, .rank = rank, .placement = placement},
                                    {{.length = kLength, .window = window}});
        for (int source = 0; source < 4; ++source) {
          for (const BlockWork& work : layout.works(source)) {
            const bool band = work.mask == BlockWork::Mask::kBand;
            const BlockAttentionShape shape{.queries = work.query_count,
                                            .keys = work.key_count,
                                            .causal = work.mask == BlockWork::Mask::kCausal,
                                            .offset = band ? work.offset : 0,
                                            .window = band ? work.window : 0};
            for (int64_t begin = 0; begin < shape.queries; begin += kTile) {
              const int64_t rows = std::min(kTile, shape.queries - begin);
              computed += shape.pairs(begin, rows);
              for (int64_t q = begin; q < begin + rows; ++q)
                visible += shape.keys_end(q) - shape.keys_begin(q);
            }
          }
        }
      }
      EXPECT_EQ(visible, kLength * window - window * (window - 1) / 2) << window;
      EXPECT_LE(computed, kLength * (window + kTile)) << window;
    }
  }
}

// bfloat16 activations: results in bfloat16, statistics and gradients in float.
TEST(RingAttention, TypesOfResultsFollowTheActivations) {
  run_thread_world(2, [](Communicator& comm) {
    const auto options = at::TensorOptions().dtype(at::kBFloat16);
    const at::Tensor q = at::randn({1, 8, 2, 16}, options), k = at::randn({1, 8, 1, 16}, options);
    RingAttention ring(comm, Placement::kZigzag);
    const auto result = ring.forward(layout_for(ring, q), q, k, k, 0.25);
    const auto grads = ring.backward(layout_for(ring, q), result.out, q, k, k, result.out, result.lse, 0.25);
    EXPECT_EQ(result.out.scalar_type(), at::kBFloat16);
    EXPECT_EQ(result.out.sizes(), q.sizes());
    EXPECT_TRUE(result.out.is_contiguous());
    for (const auto& t : {result.lse, grads.dq, grads.dk, grads.dv}) EXPECT_EQ(t.scalar_type(), at::kFloat);
    EXPECT_EQ(grads.dk.sizes(), k.sizes());
  });
}

TEST(RingAttention, SlotsAreKeptWhileTheShapeStays) {
  run_thread_world(4, [](Communicator& comm) {
    RingAttention ring(comm, Placement::kZigzag);
    for (int call = 0; call < 3; ++call) {
      const at::Tensor q = at::randn({2, 16, 4, 8}), k = at::randn({2, 16, 2, 8});
      const auto result = ring.forward(layout_for(ring, q), q, k, k, 0.3);
      ring.backward(layout_for(ring, q), result.out, q, k, k, result.out, result.lse, 0.3);
      EXPECT_EQ(ring.slot_allocations(), 4);  // two for k, v and two for dk, dv
    }
  });
}

// Results of one call must not lie in the slots the next call writes.
TEST(RingAttention, ResultsSurviveTheNextCall) {
  run_thread_world(4, [](Communicator& comm) {
    RingAttention ring(comm, Placement::kZigzag);
    const at::Tensor q = at::randn({1, 16, 2, 8}), k = at::randn({1, 16, 2, 8});
    const auto result = ring.forward(layout_for(ring, q), q, k, k, 0.3);
    const auto grads = ring.backward(layout_for(ring, q), result.out, q, k, k, result.out, result.lse, 0.3);
    const at::Tensor copies[] = {result.out.clone(), result.lse.clone(), grads.dq.clone(), grads.dk.clone(),
                                 grads.dv.clone()};
    const at::Tensor other = at::full({1, 16, 2, 8}, 3.0);
    const auto later = ring.forward(layout_for(ring, other), other, other, other, 0.3);
    ring.backward(layout_for(ring, other), later.out, other, other, other, later.out, later.lse, 0.3);
    const at::Tensor kept[] = {result.out, result.lse, grads.dq, grads.dk, grads.dv};
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(at::equal(kept[i], copies[i])) << i;
  });
}

// Keys and values travel with K heads, not H: P-1 hops forward; P-1 hops and P of the gradients backward.
TEST(RingAttention, SendsKeyValueHeadsOnly) {
  run_thread_world(4, [](Communicator& comm) {
    RingAttention ring(comm, Placement::kZigzag);
    const at::Tensor q = at::randn({1, 16, 8, 8}), k = at::randn({1, 16, 2, 8});
    const int64_t kv_bytes = 2 * 16 * 2 * 8 * 4;
    const auto result = ring.forward(layout_for(ring, q), q, k, k, 0.3);
    EXPECT_EQ(ring.bytes_sent(), 3 * kv_bytes);
    ring.backward(layout_for(ring, q), result.out, q, k, k, result.out, result.lse, 0.3);
    EXPECT_EQ(ring.bytes_sent(), 3 * kv_bytes + 3 * kv_bytes + 4 * kv_bytes);
  });
}

}  // namespace
}  // namespace ropeway::testing
