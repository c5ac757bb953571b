// Attention over kept keys against the double-precision reference: grouped heads, rows that are not all seen,
// tiles that must merge, a soft cap, every element type.
#include "kernels/ops/cached_attention.h"

#include <ATen/ops/allclose.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/kernels/attention/reference.h"

namespace ropeway::ops {
namespace {

using testing::random_tensor;

struct Case {
  int64_t queries, heads, kv_heads, keys;
  std::vector<SeenRows> seen;
  double softcap = 0;
};

constexpr int64_t kDim = 16;
constexpr double kScale = 0.3;

CachedAttentionCall call_of(const Case& c, at::ScalarType type) {
  // As a model has them: heads of a projection side by side, a cache with room for more rows.
  const at::Tensor projected = random_tensor({c.queries, c.heads + 3, kDim}, type, 1);
  const at::Tensor keys = random_tensor({c.kv_heads, c.keys + 5, kDim}, type, 2);
  const at::Tensor values = random_tensor({c.kv_heads, c.keys + 5, kDim}, type, 3);
  return {.q = projected.narrow(1, 0, c.heads),
          .keys = keys.narrow(1, 0, c.keys),
          .values = values.narrow(1, 0, c.keys),
          .seen = c.seen,
          .scale = kScale,
          .softcap = c.softcap};
}

AttentionOutput reference(const CachedAttentionCall& call) {
  const int64_t m = call.q.size(0), n = call.keys.size(1);
  std::vector<uint8_t> allowed(static_cast<size_t>(m * n), 0);
  for (int64_t i = 0; i < m; ++i) {
    const SeenRows& rows = call.seen[static_cast<size_t>(i)];
    std::fill(allowed.begin() + i * n + rows.begin, allowed.begin() + i * n + rows.end, 1);
  }
  const auto one_batch = [](const at::Tensor& t) { return t.to(at::kDouble).contiguous().unsqueeze(0); };
  const at::Tensor q = one_batch(call.q.transpose(0, 1)), k = one_batch(call.keys),
                   v = one_batch(call.values);
  AttentionOutput result{at::empty(q.sizes(), at::kDouble), at::empty(q.sizes().slice(0, 3), at::kDouble)};
  attention_reference_forward(q.data_ptr<double>(), k.data_ptr<double>(), v.data_ptr<double>(),
                              {.batch = 1,
                               .heads = call.q.size(1),
                               .kv_heads = call.keys.size(0),
                               .queries = m,
                               .keys = n,
                               .head_dim = kDim,
                               .scale = call.scale,
                               .softcap = call.softcap,
                               .allowed = allowed.data()},
                              result.out.data_ptr<double>(), result.lse.data_ptr<double>());
  return result;
}

void expect_like_reference(CachedAttentionCall call, double tolerance) {
  const AttentionOutput wanted = reference(call);
  for (const int64_t tile : {16384, 7, 1}) {
    call.tile_keys = tile;
    const AttentionOutput found = cached_attention(call);
    EXPECT_EQ(found.out.scalar_type(), call.q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    const at::Tensor out = found.out.to(at::kDouble), lse = found.lse.to(at::kDouble);
    EXPECT_TRUE(at::allclose(out, wanted.out, 0, tolerance)) << tile;
    EXPECT_TRUE(at::allclose(lse, wanted.lse, 0, tolerance)) << tile;  // -inf equals itself
  }
}

std::vector<Case> cases() {
  return {{1, 4, 2, 20, {{0, 20}}},
          {1, 4, 4, 20, {{6, 17}}},
          {1, 3, 1, 1, {{0, 1}}},
          {4, 6, 2, 20, {{0, 14}, {0, 16}, {3, 18}, {7, 20}}},
          {3, 4, 1, 9, {{0, 0}, {2, 4}, {8, 9}}, 0.7},
          {2, 2, 2, 9, {{0, 0}, {0, 9}}},
          {2, 4, 2, 5, {{3, 3}, {5, 5}}, 1.5}};
}

TEST(CachedAttention, IsThatOfTheReference) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(::testing::Message() << c.queries << " queries, " << c.keys << " keys");
    expect_like_reference(call_of(c, at::kDouble), 1e-12);
    expect_like_reference(call_of(c, at::kFloat), 1e-5);
    // Products of BF16 numbers are exact in F32; the weights are rounded to BF16 for the second one.
    expect_like_reference(call_of(c, at::kBFloat16), 1e-2);
  }
}

TEST(CachedAttention, RefusesRowsThatAreNotThere) {
  CachedAttentionCall call = call_of({1, 4, 2, 20, {{0, 21}}}, at::kFloat);
  EXPECT_THROW(cached_attention(call), Error);
  call.seen = {{0, 20}, {0, 20}};
  EXPECT_THROW(cached_attention(call), Error);
  call.seen = {{0, 20}};
  call.keys = call.keys.to(at::kDouble);
  EXPECT_THROW(cached_attention(call), Error);
}

}  // namespace
}  // namespace ropeway::ops
