#include "parallel/attention/ring_attention.h"

#include <ATen/ops/empty.h>

#include <optional>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/attention_ops.h"

namespace ropeway {
namespace {

int64_t bytes_of_tensor(const at::Tensor& t) { return t.numel() * static_cast<int64_t>(t.element_size()); }

// [B, n, H, D] <-> [B, H, n, D]: the layout of a token's projections, and that of the attention kernel.
at::Tensor heads_first(const at::Tensor& t) { return t.transpose(1, 2); }

at::Tensor query_rows(const at::Tensor& BHN, const HopWork& work) {
  return BHN.narrow(2, work.query_begin, work.query_count);
}
at::Tensor key_rows(const at::Tensor& BKN, const HopWork& work) {
  return BKN.narrow(2, work.key_begin, work.key_count);
}

// dst = src for the first partial result, += for the later ones.
void put_or_add(const at::Tensor& dst, const at::Tensor& src, bool first) {
  if (first) {
    dst.copy_(src);
  } else {
    dst.add_(src);
  }
}

}  // namespace

// Two buffers [2 (k or v), B, n, K, D] for K and V and two for dK and dV: what is sent in one hop lies in
// one, what is received in the other, and the next hop swaps them.
struct RingAttention::Slots {
  at::Tensor kv[2], dkv[2];
  int64_t allocations = 0;
  int64_t bytes_sent = 0;

  void fit(at::Tensor (&pair)[2], const at::Tensor& k, at::ScalarType dtype) {
    const std::vector<int64_t> shape{2, k.size(0), k.size(1), k.size(2), k.size(3)};
    if (pair[0].defined() && pair[0].sizes() == shape && pair[0].scalar_type() == dtype) return;
    for (auto& slot : pair) {
      slot = at::Tensor();  // before the new one: their memory need not be held at once
      slot = at::empty(shape, k.options().dtype(dtype));
      ++allocations;
    }
  }
};

RingAttention::RingAttention(Communicator& group, Placement placement)
    : RingAttention(group, host_ring_links(group), placement) {}
RingAttention::RingAttention(Communicator& group, RingLinks links, Placement placement,
                             int64_t chunk_multiple)
    : group_(group),
      links_(std::move(links)),
      placement_(placement),
      chunk_multiple_(chunk_multiple),
      slots_(std::make_unique<Slots>()) {}
RingAttention::~RingAttention() = default;

int64_t RingAttention::padded_length(int64_t length) const {
  return ropeway::padded_length(length, group_.size(), placement_, chunk_multiple_);
}
int64_t RingAttention::bytes_sent() const { return slots_->bytes_sent; }
int64_t RingAttention::slot_allocations() const { return slots_->allocations; }

std::unique_ptr<Hop> RingAttention::start_hop(RingLink& link, const at::Tensor& send,
                                              const at::Tensor& recv) {
  slots_->bytes_sent += bytes_of_tensor(send);
  return link.start(send.const_data_ptr(), recv.mutable_data_ptr(), bytes_of_tensor(send));
}

RingAttention::Output RingAttention::forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                             double scale) {
  const int ranks = group_.size(), rank = group_.rank();
  const at::Tensor q_BHND = heads_first(q);
  if (ranks == 1) {
    auto block = ops::block_attention(q_BHND, heads_first(k), heads_first(v), true, scale);
    return {heads_first(block.out).contiguous(), block.lse};
  }
  slots_->fit(slots_->kv, k, k.scalar_type());
  auto& kv = slots_->kv;
  kv[0].select(0, 0).copy_(k);
  kv[0].select(0, 1).copy_(v);

  at::Tensor out_BHND, lse_BHN;  // merged so far, acc type
  for (int step = 0; step < ranks; ++step) {
    const at::Tensor &here = kv[step % 2], &next = kv[(step + 1) % 2];
    std::unique_ptr<Hop> hop;
    if (step + 1 < ranks) hop = start_hop(*links_.keys, here, next);
    const int source = (rank - step + ranks) % ranks;  // whose k, v are here
    const HopWork work = hop_work(q.size(1), ranks, rank, source, placement_);
    if (work.kind != HopWork::Kind::kNone) {
      const auto block = ops::block_attention(
          query_rows(q_BHND, work), key_rows(heads_first(here.select(0, 0)), work),
          key_rows(heads_first(here.select(0, 1)), work), work.kind == HopWork::Kind::kCausal, scale);
      if (step == 0) {  // the own block: every row takes part
        out_BHND = block.out.to(ops::accumulation_type(q.scalar_type()));
        lse_BHN = block.lse;
      } else {
        ops::merge_attention_(query_rows(out_BHND, work), query_rows(lse_BHN, work), block.out, block.lse);
      }
    }
    if (hop) hop->wait();
  }
  return {heads_first(out_BHND).to(q.scalar_type()).contiguous(), lse_BHN};
}

// The gradient of the keys that started at rank s visits s, s+1, ..., s-1 with them, takes up a share at
// each, and makes one hop more to be home. Its hop runs during the next block, whose share is added when it
// has arrived.
RingAttention::Gradients RingAttention::backward(const at::Tensor& d_out, const at::Tensor& q,
                                                 const at::Tensor& k, const at::Tensor& v,
                                                 const at::Tensor& out, const at::Tensor& lse, double scale) {
  const int ranks = group_.size(), rank = group_.rank();
  const at::Tensor q_BHND = heads_first(q), out_BHND = heads_first(out), d_out_BHND = heads_first(d_out);
  if (ranks == 1) {
    auto block = ops::block_attention_backward(d_out_BHND, q_BHND, heads_first(k), heads_first(v), out_BHND,
                                               lse, true, scale);
    return {heads_first(block.dq).contiguous(), heads_first(block.dk).contiguous(),
            heads_first(block.dv).contiguous()};
  }
  const auto acc = ops::accumulation_type(q.scalar_type());
  slots_->fit(slots_->kv, k, k.scalar_type());
  slots_->fit(slots_->dkv, k, acc);
  auto &kv = slots_->kv, &dkv = slots_->dkv;
  kv[0].select(0, 0).copy_(k);
  kv[0].select(0, 1).copy_(v);

  at::Tensor dq_BHND;
  const at::Tensor home = at::empty(dkv[0].sizes(), dkv[0].options());  // dk, dv of the own keys: the result
  std::unique_ptr<Hop> gradient_hop;
  for (int step = 0; step < ranks; ++step) {
    const at::Tensor &here = kv[step % 2], &next = kv[(step + 1) % 2];
    const at::Tensor& d_here = dkv[step % 2];
    std::unique_ptr<Hop> hop;
    if (step + 1 < ranks) hop = start_hop(*links_.keys, here, next);
    const int source = (rank - step + ranks) % ranks;
    const HopWork work = hop_work(q.size(1), ranks, rank, source, placement_);
    std::optional<ops::AttentionGradients> block;
    if (work.kind != HopWork::Kind::kNone) {
      block = ops::block_attention_backward(
          query_rows(d_out_BHND, work), query_rows(q_BHND, work),
          key_rows(heads_first(here.select(0, 0)), work), key_rows(heads_first(here.select(0, 1)), work),
          query_rows(out_BHND, work), query_rows(lse, work), work.kind == HopWork::Kind::kCausal, scale);
      if (step == 0) {
        dq_BHND = block->dq.to(acc);
        block->dq = at::Tensor();
      } else {
        query_rows(dq_BHND, work).add_(block->dq);
      }
    }
    if (gradient_hop) gradient_hop->wait();
    if (block) {
      put_or_add(key_rows(heads_first(d_here.select(0, 0)), work), block->dk, step == 0);
      put_or_add(key_rows(heads_first(d_here.select(0, 1)), work), block->dv, step == 0);
    }
    if (hop) hop->wait();
    gradient_hop = start_hop(*links_.gradients, d_here, step + 1 < ranks ? dkv[(step + 1) % 2] : home);
  }
  gradient_hop->wait();
  return {heads_first(dq_BHND).contiguous(), home.select(0, 0), home.select(0, 1)};
}

}  // namespace ropeway
