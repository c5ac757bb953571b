#include "tests/parallel/ring_cases.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/base/random.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway::testing {
namespace {

// The rows of the sequence that the rank holds.
at::Tensor share(const at::Tensor& whole, int64_t dim, Communicator& comm, const RingCase& c) {
  const auto positions = local_positions(c.length, comm.size(), comm.rank(), c.placement);
  return whole.index_select(dim, at::tensor(positions, at::kLong));
}

double sum_of_squares(const at::Tensor& t) { return t.to(at::kDouble).square().sum().item<double>(); }

}  // namespace

at::Tensor normal(const std::vector<int64_t>& shape, at::ScalarType dtype, uint64_t which) {
  at::Tensor t = at::empty(shape, at::kDouble);
  Philox random(2024, Stream::kInit, which);
  auto* data = t.mutable_data_ptr<double>();
  for (int64_t i = 0; i < t.numel(); ++i) data[i] = random.normal();
  return t.to(dtype);
}

SequenceLayout layout_for(const SequenceAttention& attention, const at::Tensor& q) {
  return {attention.split(), q.size(0), q.size(1) * attention.split().ranks};
}

std::ostream& operator<<(std::ostream& out, const RingCase& c) { return out << name_of(c); }

std::string name_of(const RingCase& c) {
  return std::string(c.placement == Placement::kZigzag ? "Zigzag" : "Contiguous") + "B" +
         std::to_string(c.batch) + "S" + std::to_string(c.length) + "H" + std::to_string(c.heads) + "K" +
         std::to_string(c.kv_heads) + "D" + std::to_string(c.head_dim) + c10::toString(c.dtype) +
         (c.fused_inputs ? "Fused" : "");
}

double RingErrors::largest() const { return std::max({out, lse, dq, dk, dv}); }

AttentionProblem make_problem(const RingCase& c) {
  AttentionProblem p;
  p.q = normal({c.batch, c.length, c.heads, c.head_dim}, c.dtype, 1);
  p.k = normal({c.batch, c.length, c.kv_heads, c.head_dim}, c.dtype, 2);
  p.v = normal({c.batch, c.length, c.kv_heads, c.head_dim}, c.dtype, 3);
  p.d_out = normal({c.batch, c.length, c.heads, c.head_dim}, c.dtype, 4);
  p.scale = 1.0 / std::sqrt(static_cast<double>(c.head_dim));

  const auto leaf = [](const at::Tensor& t) {
    return t.to(at::kDouble).detach().clone().set_requires_grad(true);
  };
  const at::Tensor q = leaf(p.q), k = leaf(p.k), v = leaf(p.v);
  const auto heads_first = [&](const at::Tensor& t) {  // [B, S, K, D] -> [B, H, S, D], each head H/K times
    return t.transpose(1, 2).repeat_interleave(c.heads / t.size(2), 1);
  };
  const at::Tensor future = at::ones({c.length, c.length}, at::kBool).triu(1);
  const at::Tensor scores =
      (at::matmul(heads_first(q), heads_first(k).transpose(2, 3)) * p.scale).masked_fill(future, -INFINITY);
  const at::Tensor lse = at::logsumexp(scores, {3});
  const at::Tensor out = at::matmul(at::exp(scores - lse.unsqueeze(3)), heads_first(v)).transpose(1, 2);
  out.backward(p.d_out.to(at::kDouble));
  p.out = out.detach();
  p.lse = lse.detach();
  p.dq = q.grad();
  p.dk = k.grad();
  p.dv = v.grad();
  return p;
}

RingErrors ring_errors(Communicator& comm, const RingCase& c, const AttentionProblem& p,
                       const std::function<RingLinks(Communicator&)>& links) {
  const auto input = [&](const at::Tensor& whole) { return share(whole, 1, comm, c).to(c.device); };
  at::Tensor q = input(p.q), k = input(p.k), v = input(p.v);
  const at::Tensor d_out = input(p.d_out);
  if (c.fused_inputs) {
    const at::Tensor fused = at::cat({q, k, v}, 2).reshape({-1, (c.heads + 2 * c.kv_heads) * c.head_dim});
    const auto columns = [&](int64_t first_head, int64_t heads) {
      return fused.narrow(1, first_head * c.head_dim, heads * c.head_dim)
          .view({c.batch, c.length / comm.size(), heads, c.head_dim});
    };
    q = columns(0, c.heads);
    k = columns(c.heads, c.kv_heads);
    v = columns(c.heads + c.kv_heads, c.kv_heads);
  }
  RingAttention ring(comm, links(comm), c.placement);
  const SequenceLayout layout = layout_for(ring, q);
  const auto result = ring.forward(layout, q, k, v, p.scale);
  const auto grads = ring.backward(layout, d_out, q, k, v, result.out, result.lse, p.scale);
  return relative_errors(comm, {result.out, result.lse, grads.dq, grads.dk, grads.dv},
                         {share(p.out, 1, comm, c), share(p.lse, 2, comm, c), share(p.dq, 1, comm, c),
                          share(p.dk, 1, comm, c), share(p.dv, 1, comm, c)});
}

RingErrors relative_errors(Communicator& comm, const AttentionResults& results,
                           const AttentionResults& expected) {
  const auto list = [](const AttentionResults& r) { return std::array{r.out, r.lse, r.dq, r.dk, r.dv}; };
  const auto found = list(results), wanted = list(expected);
  std::array<double, 10> sums;  // of squares, over all ranks: differences, then wanted values
  for (size_t i = 0; i < 5; ++i) {
    sums[i] = sum_of_squares(found[i].cpu().to(at::kDouble) - wanted[i]);
    sums[5 + i] = sum_of_squares(wanted[i]);
  }
  all_reduce_sum(comm, std::span(sums));
  const auto error = [&](size_t i) { return std::sqrt(sums[i] / sums[5 + i]); };
  return {error(0), error(1), error(2), error(3), error(4)};
}

}  // namespace ropeway::testing
