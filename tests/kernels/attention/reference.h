// The double-precision reference on tensors, for the attention tests.
#pragma once

#include "kernels/attention/attention_reference.h"
#include "kernels/ops/attention_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway::testing {

struct AttentionProblem {
  at::Tensor q, k, v, d_out;
  double scale = 0.25;
};
// Tensors in [B, N, H, D] memory order, seen as [B, H, N, D]: what a model has.
inline AttentionProblem attention_problem(int64_t heads, int64_t kv_heads, int64_t queries, int64_t keys,
                                          at::ScalarType type, uint64_t seed = 1, int64_t head_dim = 16) {
  constexpr int64_t kBatch = 2;
  const auto make = [&](int64_t tokens, int64_t h, uint64_t s) {
    return random_tensor({kBatch, tokens, h, head_dim}, type, 10 * seed + s).transpose(1, 2);
  };
  return {make(queries, heads, 1), make(keys, kv_heads, 2), make(keys, kv_heads, 3), make(queries, heads, 4),
          1 / std::sqrt(static_cast<double>(head_dim))};
}

inline AttentionReferenceShape reference_shape(const AttentionProblem& p, bool causal) {
  return {.batch = p.q.size(0),
          .heads = p.q.size(1),
          .kv_heads = p.k.size(1),
          .queries = p.q.size(2),
          .keys = p.k.size(2),
          .head_dim = p.q.size(3),
          .scale = p.scale,
          .causal = causal};
}

inline at::Tensor in_double(const at::Tensor& x) { return x.to(at::kDouble).contiguous(); }

inline ops::AttentionOutput reference_forward(const AttentionProblem& p,
                                              const AttentionReferenceShape& shape) {
  const at::Tensor q = in_double(p.q), k = in_double(p.k), v = in_double(p.v);
  ops::AttentionOutput result{at::empty(q.sizes(), at::kDouble),
                              at::empty(q.sizes().slice(0, 3), at::kDouble)};
  attention_reference_forward(q.data_ptr<double>(), k.data_ptr<double>(), v.data_ptr<double>(), shape,
                              result.out.data_ptr<double>(), result.lse.data_ptr<double>());
  return result;
}

inline ops::AttentionGradients reference_backward(const AttentionProblem& p,
                                                  const AttentionReferenceShape& shape) {
  const at::Tensor q = in_double(p.q), k = in_double(p.k), v = in_double(p.v), d_out = in_double(p.d_out);
  ops::AttentionGradients result{at::empty(q.sizes(), at::kDouble), at::empty(k.sizes(), at::kDouble),
                                 at::empty(v.sizes(), at::kDouble)};
  attention_reference_backward(
      d_out.data_ptr<double>(), q.data_ptr<double>(), k.data_ptr<double>(), v.data_ptr<double>(), shape,
      {result.dq.data_ptr<double>(), result.dk.data_ptr<double>(), result.dv.data_ptr<double>()});
  return result;
}

// Each gradient within `tolerance` of the wanted one's norm, or of dv's where the wanted one vanishes (a
// single key: the softmax is constant, dq and dk are 0).
inline void expect_gradients(const ops::AttentionGradients& ours, const ops::AttentionGradients& wanted,
                             double tolerance) {
  const double dv_norm = in_double(wanted.dv).norm().item<double>();
  const auto expect_close = [&](const char* name, const at::Tensor& got, const at::Tensor& want) {
    const double size = std::max(in_double(want).norm().item<double>(), dv_norm);
    EXPECT_LE((in_double(got) - in_double(want)).norm().item<double>(), tolerance * size) << name;
  };
  expect_close("dq", ours.dq, wanted.dq);
  expect_close("dk", ours.dk, wanted.dk);
  expect_close("dv", ours.dv, wanted.dv);
}

}  // namespace ropeway::testing
