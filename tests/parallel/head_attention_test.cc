// Attention over heads, and over heads and a ring, against attention by its definition, on every
// factorisation of up to 8 thread ranks.
#include "parallel/attention/head_attention.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <mutex>

#include "kernels/base/error.h"
#include "parallel/comm/thread_world.h"
#include "tests/parallel/layout_cases.h"
#include "tests/parallel/mesh_attention.h"

namespace ropeway::testing {
namespace {

// Documents, padding, windows, several sequences.
std::vector<LayoutCase> all_cases() {
  std::vector<LayoutCase> cases = layout_cases();
  for (const Placement placement : {Placement::kZigzag, Placement::kBalanced}) {
    cases.push_back({"windows",
                     {{.length = 40, .window = 7}, {.length = 37, .documents = {0, 3, 20}, .window = 5}},
                     placement});
    cases.push_back({"soft cap", {{.length = 16}}, placement, 1, 1.5});
  }
  return cases;
}

struct Sharing {
  int ranks, heads;
  int64_t query_heads, key_heads;
};
void PrintTo(const Sharing& s, std::ostream* out) {
  *out << s.ranks / s.heads << " places of " << s.heads << ", " << s.query_heads << " heads over "
       << s.key_heads;
}

class HeadsAndRing : public ::testing::TestWithParam<Sharing> {};

TEST_P(HeadsAndRing, AgreeWithTheReferenceOnEveryLayout) {
  const Sharing& sharing = GetParam();
  run_thread_world(sharing.ranks, [&](Communicator& comm) {
    for (LayoutCase c : all_cases()) {
      c.heads = sharing.heads;
      c.query_heads = sharing.query_heads;
      c.key_heads = sharing.key_heads;
      EXPECT_LE(ring_errors(comm, c).largest(), 1e-10) << c;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Factorisations, HeadsAndRing,
                         ::testing::Values(Sharing{8, 2, 8, 8}, Sharing{8, 4, 8, 8}, Sharing{8, 8, 8, 8},
                                           Sharing{8, 2, 8, 1}, Sharing{8, 4, 8, 1}, Sharing{8, 8, 8, 1},
                                           Sharing{8, 4, 8, 2}, Sharing{6, 3, 6, 3}, Sharing{2, 2, 4, 2}));

TEST(GroupedAttention, AgreesWithTheReferenceOnEveryLayout) {
  for (const auto& [ranks, heads, groups] : {std::tuple{1, 1, 4}, {4, 1, 2}, {4, 2, 2}, {4, 4, 2}}) {
    run_thread_world(ranks, [&, heads = heads, groups = groups](Communicator& comm) {
      for (LayoutCase c : all_cases()) {
        c.heads = heads;
        c.query_heads = 8;
        c.key_heads = 4;
        c.head_groups = groups;
        EXPECT_LE(ring_errors(comm, c).largest(), 1e-10)
            << c << ", " << heads << " heads, " << groups << " groups";
      }
    });
  }
}

struct Results {
  at::Tensor out, dq, dk, dv;
};

// Of every rank, in F32, where the order of sums shows.
std::vector<Results> results_on(int ranks, int heads) {
  std::vector<Results> results(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& comm) {
    MeshAttention attention(comm, heads, Placement::kZigzag);
    const SequenceLayout layout(attention.split(), {{.length = 64}, {.length = 64, .documents = {0, 9}}});
    const auto rows = [&](int64_t count, uint64_t which) {
      return normal({2, layout.local_length(), count, 8}, at::kFloat,
                    10 * which + static_cast<uint64_t>(comm.rank()));
    };
    const at::Tensor q = rows(8, 1), k = rows(1, 2), v = rows(1, 3), d_out = rows(8, 4);
    const auto result = attention.forward(layout, q, k, v, 0.4);
    const auto grads = attention.backward(layout, d_out, q, k, v, result.out, result.lse, 0.4);
    results[static_cast<size_t>(comm.rank())] = {result.out, grads.dq, grads.dk, grads.dv};
  });
  return results;
}

TEST(HeadAttention, GivesTheSameBitsAgain) {
  const std::vector<Results> first = results_on(4, 2), again = results_on(4, 2);
  for (size_t rank = 0; rank < first.size(); ++rank) {
    EXPECT_TRUE(at::equal(first[rank].out, again[rank].out));
    EXPECT_TRUE(at::equal(first[rank].dq, again[rank].dq));
    EXPECT_TRUE(at::equal(first[rank].dk, again[rank].dk));
    EXPECT_TRUE(at::equal(first[rank].dv, again[rank].dv));
  }
}

// Two neighbours and two places: half of 2 x 8 rows of 4 + 2 + 2 heads goes to the neighbour and half of the
// result comes back; a hop is of all rows of the place for half of the key heads.
TEST(HeadAttention, SendsWhatTheOthersNeed) {
  run_thread_world(4, [](Communicator& comm) {
    MeshAttention attention(comm, 2, Placement::kZigzag);
    const SequenceLayout layout(attention.split(), 2, 32);
    const auto rows = [&](int64_t count) { return normal({2, 8, count, 4}, at::kFloat, 1); };
    attention.forward(layout, rows(4), rows(2), rows(2), 0.4);
    const int64_t row = 4 * 4;  // bytes of a head's
    const int64_t tokens = 2 * 8;
    EXPECT_EQ(attention.bytes_sent(), tokens * row * (8 + 4) / 2 + 2 * tokens * row * (2 + 2) / 2);
  });
}

TEST(HeadAttention, RefusesHeadsThatCannotBeShared) {
  run_thread_world(2, [](Communicator& comm) {
    MeshAttention attention(comm, 2, Placement::kZigzag);
    const SequenceLayout layout(attention.split(), 1, 8);
    const auto rows = [&](int64_t count) { return normal({1, 4, count, 4}, at::kFloat, 1); };
    try {
      attention.forward(layout, rows(6), rows(3), rows(3), 0.4);
      ADD_FAILURE() << "3 key heads between 2 ranks";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    }
  });
}

}  // namespace
}  // namespace ropeway::testing
