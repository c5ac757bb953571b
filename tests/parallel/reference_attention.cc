#include "tests/parallel/reference_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "kernels/attention/attention_reference.h"
#include "kernels/ops/accumulation_type.h"

namespace ropeway::testing {
namespace {

// Sequence b of [B, N, H, D] as the reference wants it: [1, H, N, D], F64, contiguous.
at::Tensor heads_of(const at::Tensor& t, int64_t b) {
  return t.narrow(0, b, 1).transpose(1, 2).to(at::kDouble).contiguous();
}

at::Tensor index_of(const std::vector<int64_t>& positions) { return at::tensor(positions, at::kLong); }

// The mask [n, S] of sequence b: this rank's queries against all keys.
std::vector<uint8_t> mask_of(const SequenceLayout& layout, int64_t b) {
  const int64_t keys = layout.local_length() * layout.split().ranks;
  std::vector<uint8_t> mask;
  for (const int64_t query : layout.positions(b)) {
    for (int64_t key = 0; key < keys; ++key) mask.push_back(is_visible(layout.sequence(b), query, key));
  }
  return mask;
}

AttentionReferenceShape shape_of(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k,
                                 const ScoreForm& score) {
  return {.batch = 1,
          .heads = q.size(2),
          .kv_heads = k.size(2),
          .queries = layout.local_length(),
          .keys = layout.local_length() * layout.split().ranks,
          .head_dim = q.size(3),
          .scale = score.scale,
          .softcap = score.softcap};
}

}  // namespace

bool is_visible(const SequenceSpec& sequence, int64_t query, int64_t key) {
  if (key > query) return false;
  if (sequence.window > 0 && query - key >= sequence.window) return false;
  for (const int64_t border : sequence.documents) {
    if (key < border && border <= query) return false;
  }
  return true;
}

ReferenceAttention::ReferenceAttention(Communicator& group, Placement placement, int64_t chunk_multiple)
    : group_(group), split_{group.size(), group.rank(), placement, chunk_multiple} {}

at::Tensor ReferenceAttention::gathered(const SequenceLayout& layout, const at::Tensor& t) {
  const at::Tensor local = t.to(at::kDouble).contiguous();
  const int64_t ranks = split_.ranks, sequences = local.size(0);
  const at::Tensor all =
      at::empty({ranks, sequences, local.size(1), local.size(2), local.size(3)}, at::kDouble);
  const int64_t bytes = static_cast<int64_t>(local.nbytes());
  group_.all_gather(local.const_data_ptr(), all.mutable_data_ptr(), bytes);
  bytes_sent_ += bytes * (ranks - 1);
  const at::Tensor whole =
      at::empty({sequences, ranks * local.size(1), local.size(2), local.size(3)}, at::kDouble);
  for (int rank = 0; rank < split_.ranks; ++rank) {
    for (int64_t b = 0; b < sequences; ++b) {
      whole.select(0, b).index_copy_(0, index_of(layout.positions_of(rank, b)),
                                     all.select(0, rank).select(0, b));
    }
  }
  return whole;
}

at::Tensor ReferenceAttention::own_rows_of_sum(const SequenceLayout& layout, const at::Tensor& whole) const {
  group_.all_reduce(whole.mutable_data_ptr(), whole.numel(), DType::kF64, ReduceOp::kSum);
  const at::Tensor own =
      at::empty({whole.size(0), layout.local_length(), whole.size(2), whole.size(3)}, at::kDouble);
  for (int64_t b = 0; b < whole.size(0); ++b) {
    own.select(0, b).copy_(whole.select(0, b).index_select(0, index_of(layout.positions(b))));
  }
  return own;
}

SequenceAttention::Output ReferenceAttention::forward(const SequenceLayout& layout, const at::Tensor& q,
                                                      const at::Tensor& k, const at::Tensor& v,
                                                      const ScoreForm& score) {
  const at::Tensor all_k = gathered(layout, k), all_v = gathered(layout, v);
  const at::Tensor out = at::empty({q.size(0), q.size(2), q.size(1), q.size(3)}, at::kDouble);
  const at::Tensor lse = at::empty(out.sizes().slice(0, 3), at::kDouble);
  AttentionReferenceShape shape = shape_of(layout, q, k, score);
  for (int64_t b = 0; b < q.size(0); ++b) {
    const std::vector<uint8_t> mask = mask_of(layout, b);
    shape.allowed = mask.data();
    const at::Tensor qs = heads_of(q, b), ks = heads_of(all_k, b), vs = heads_of(all_v, b);
    attention_reference_forward(
        qs.const_data_ptr<double>(), ks.const_data_ptr<double>(), vs.const_data_ptr<double>(), shape,
        out.select(0, b).mutable_data_ptr<double>(), lse.select(0, b).mutable_data_ptr<double>());
  }
  return {out.transpose(1, 2).to(q.scalar_type()).contiguous(),
          lse.to(ops::accumulation_type(q.scalar_type()))};
}

SequenceAttention::Gradients ReferenceAttention::backward(const SequenceLayout& layout,
                                                          const at::Tensor& d_out, const at::Tensor& q,
                                                          const at::Tensor& k, const at::Tensor& v,
                                                          const at::Tensor&, const at::Tensor&,
                                                          const ScoreForm& score) {
  const at::Tensor all_k = gathered(layout, k), all_v = gathered(layout, v);
  const at::Tensor dq = at::empty(q.sizes(), at::kDouble);
  const at::Tensor dk = at::empty(all_k.sizes(), at::kDouble), dv = at::empty(all_k.sizes(), at::kDouble);
  AttentionReferenceShape shape = shape_of(layout, q, k, score);
  for (int64_t b = 0; b < q.size(0); ++b) {
    const std::vector<uint8_t> mask = mask_of(layout, b);
    shape.allowed = mask.data();
    const at::Tensor d_outs = heads_of(d_out, b), qs = heads_of(q, b);
    const at::Tensor ks = heads_of(all_k, b), vs = heads_of(all_v, b);
    const at::Tensor dqs = at::zeros(qs.sizes(), at::kDouble);
    const at::Tensor dks = at::zeros(ks.sizes(), at::kDouble), dvs = at::zeros(vs.sizes(), at::kDouble);
    attention_reference_backward(
        d_outs.const_data_ptr<double>(), qs.const_data_ptr<double>(), ks.const_data_ptr<double>(),
        vs.const_data_ptr<double>(), shape,
        {dqs.mutable_data_ptr<double>(), dks.mutable_data_ptr<double>(), dvs.mutable_data_ptr<double>()});
    dq.narrow(0, b, 1).copy_(dqs.transpose(1, 2));
    dk.narrow(0, b, 1).copy_(dks.transpose(1, 2));
    dv.narrow(0, b, 1).copy_(dvs.transpose(1, 2));
  }
  const at::ScalarType acc = ops::accumulation_type(q.scalar_type());
  return {dq.to(acc), own_rows_of_sum(layout, dk).to(acc), own_rows_of_sum(layout, dv).to(acc)};
}

}  // namespace ropeway::testing
