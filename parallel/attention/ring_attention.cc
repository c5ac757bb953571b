#include "parallel/attention/ring_attention.h"

#include <ATen/ops/empty.h>

#include <limits>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/pass_progress.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/attention_ops.h"
#include "parallel/board/position.h"
#include "parallel/comm/stop_point.h"

namespace ropeway {
namespace {

int64_t bytes_of_tensor(const at::Tensor& t) { return t.numel() * static_cast<int64_t>(t.element_size()); }

void wait_for(Hop& hop) {
  const Waiting waiting(WaitFor::kRing, "ring");
  hop.wait();
}

// [B, n, H, D] <-> [B, H, n, D]: the layout of a token's projections, and that of the attention kernel.
at::Tensor heads_first(const at::Tensor& t) { return t.transpose(1, 2); }

// The sequences and rows a work is about, of tensors [B, H or K, n, ...].
at::Tensor query_rows(const at::Tensor& BHN, const BlockWork& work) {
  return BHN.narrow(0, work.first_sequence, work.num_sequences).narrow(2, work.query_begin, work.query_count);
}
at::Tensor key_rows(const at::Tensor& BKN, const BlockWork& work) {
  return BKN.narrow(0, work.first_sequence, work.num_sequences).narrow(2, work.key_begin, work.key_count);
}

bool is_causal(const BlockWork& work) { return work.mask == BlockWork::Mask::kCausal; }

ops::AttentionLimits limits_of(const BlockWork& work, const ScoreForm& score) {
  const bool band = work.mask == BlockWork::Mask::kBand;
  return {band ? work.offset : 0, band ? work.window : 0, score.softcap};
}

// The one work in which every row of q [B, n, ...] takes part; null if there are several.
const BlockWork* work_of_all_rows(const std::vector<BlockWork>& works, const at::Tensor& q) {
  const bool one = works.size() == 1 && works[0].num_sequences == q.size(0) &&
                   works[0].query_count == q.size(1) && works[0].key_count == q.size(1);
  return one ? &works[0] : nullptr;
}

// dst = src for the first partial result, += for the later ones.
void put_or_add(const at::Tensor& dst, const at::Tensor& src, bool first) {
  if (first) {
    dst.copy_(src);
  } else {
    dst.add_(src);
  }
}

// Adds what each work found to the gradients of keys and values, d_kv [2, B, n, K, D].
void add_key_shares(const at::Tensor& d_kv, const std::vector<BlockWork>& works,
                    const std::vector<ops::AttentionGradients>& shares, bool first) {
  for (size_t i = 0; i < works.size(); ++i) {
    put_or_add(key_rows(heads_first(d_kv.select(0, 0)), works[i]), shares[i].dk, first);
    put_or_add(key_rows(heads_first(d_kv.select(0, 1)), works[i]), shares[i].dv, first);
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
    : links_(std::move(links)),
      split_{group.size(), group.rank(), placement, chunk_multiple},
      slots_(std::make_unique<Slots>()) {}
RingAttention::~RingAttention() = default;

int64_t RingAttention::bytes_sent() const { return slots_->bytes_sent; }
int64_t RingAttention::slot_allocations() const { return slots_->allocations; }

void RingAttention::check(const SequenceLayout& layout, const at::Tensor& q) const {
  const SequenceSplit& split = layout.split();
  ROPEWAY_CHECK(split.ranks == split_.ranks && split.rank == split_.rank,
                "a layout for rank {} of {} on rank {} of a ring of {}", split.rank, split.ranks, split_.rank,
                split_.ranks);
  ROPEWAY_CHECK(q.size(0) == layout.num_sequences() && q.size(1) == layout.local_length(),
                "attention of {} sequences of {} local tokens with a layout of {} of {}", q.size(0),
                q.size(1), layout.num_sequences(), layout.local_length());
  if (!q.is_cuda() || !layout.has_window()) return;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    if (layout.sequence(b).documents.size() == 1) continue;
    fail(ErrorKind::kConfig,
         "attention through a window within sequences of several documents cannot be computed on a GPU: one "
         "document a sequence, or full attention");
  }
}

std::unique_ptr<Hop> RingAttention::start_hop(RingLink& link, const at::Tensor& send, const at::Tensor& recv,
                                              int places) {
  slots_->bytes_sent += bytes_of_tensor(send);
  return link.start(send.const_data_ptr(), recv.mutable_data_ptr(), bytes_of_tensor(send), places);
}

RingAttention::Output RingAttention::forward(const SequenceLayout& layout, const at::Tensor& q,
                                             const at::Tensor& k, const at::Tensor& v,
                                             const ScoreForm& score) {
  check(layout, q);
  const int ranks = split_.ranks, rank = split_.rank;
  const at::Tensor q_BHND = heads_first(q);
  const BlockWork* const all_rows = work_of_all_rows(layout.works(rank), q);
  if (ranks == 1 && all_rows) {
    auto block = ops::block_attention(q_BHND, heads_first(k), heads_first(v), is_causal(*all_rows),
                                      score.scale, limits_of(*all_rows, score));
    return {heads_first(block.out).contiguous(), block.lse};
  }
  slots_->fit(slots_->kv, k, k.scalar_type());
  auto& kv = slots_->kv;
  kv[0].select(0, 0).copy_(k);
  kv[0].select(0, 1).copy_(v);

  const at::ScalarType acc = ops::accumulation_type(q.scalar_type());
  const bool windows = layout.has_window();
  const int steps = layout.ring_steps();
  at::Tensor out_BHND, lse_BHN;  // merged so far, acc type
  if (!all_rows) {
    out_BHND = ops::token_major(q_BHND.sizes(), q.options().dtype(acc));
    lse_BHN = at::empty(q_BHND.sizes().slice(0, 3), q.options().dtype(acc));
    if (windows) {
      out_BHND.zero_();
      lse_BHN.fill_(-std::numeric_limits<double>::infinity());
    }
  }
  PassProgress& progress = pass_of_this_thread();
  for (int step = 0; step < steps; ++step) {
    const at::Tensor &here = kv[step % 2], &next = kv[(step + 1) % 2];
    std::unique_ptr<Hop> hop;
    if (step + 1 < steps) hop = start_hop(*links_.keys, here, next);
    const std::vector<BlockWork>& works = layout.works((rank - step + ranks) % ranks);  // with the k, v here
    progress.ring_step(step, steps);
    for (const BlockWork& work : works) {
      progress.part(&work - works.data(), std::ssize(works));
      const auto block =
          ops::block_attention(query_rows(q_BHND, work), key_rows(heads_first(here.select(0, 0)), work),
                               key_rows(heads_first(here.select(0, 1)), work), is_causal(work), score.scale,
                               limits_of(work, score));
      if (step > 0 || (windows && !all_rows)) {  // a row may be in several works
        ops::merge_attention_(query_rows(out_BHND, work), query_rows(lse_BHN, work), block.out, block.lse);
      } else if (all_rows) {  // the own keys: every row takes part
        out_BHND = block.out.to(acc);
        lse_BHN = block.lse;
      } else {  // every row in one of the works
        query_rows(out_BHND, work).copy_(block.out);
        query_rows(lse_BHN, work).copy_(block.lse);
      }
    }
    if (hop) wait_for(*hop);
    stop_point();
  }
  return {heads_first(out_BHND).to(q.scalar_type()).contiguous(), lse_BHN};
}

// The gradient of the keys that started at rank s visits s, s+1, ... with them, takes up a share at each, and
// makes one hop more to be home, over the ranks that nothing of it concerns. Its hop runs during the next
// block, whose share is added when it has arrived.
RingAttention::Gradients RingAttention::backward(const SequenceLayout& layout, const at::Tensor& d_out,
                                                 const at::Tensor& q, const at::Tensor& k,
                                                 const at::Tensor& v, const at::Tensor& out,
                                                 const at::Tensor& lse, const ScoreForm& score) {
  check(layout, q);
  const int ranks = split_.ranks, rank = split_.rank;
  const at::Tensor q_BHND = heads_first(q), out_BHND = heads_first(out), d_out_BHND = heads_first(d_out);
  const BlockWork* const all_rows = work_of_all_rows(layout.works(rank), q);
  if (ranks == 1 && all_rows) {
    auto block = ops::block_attention_backward({.d_out = d_out_BHND,
                                                .q = q_BHND,
                                                .k = heads_first(k),
                                                .v = heads_first(v),
                                                .out = out_BHND,
                                                .lse = lse,
                                                .causal = is_causal(*all_rows),
                                                .scale = score.scale,
                                                .limits = limits_of(*all_rows, score)});
    return {heads_first(block.dq).contiguous(), heads_first(block.dk).contiguous(),
            heads_first(block.dv).contiguous()};
  }
  const at::ScalarType acc = ops::accumulation_type(q.scalar_type());
  slots_->fit(slots_->kv, k, k.scalar_type());
  slots_->fit(slots_->dkv, k, acc);
  auto &kv = slots_->kv, &dkv = slots_->dkv;
  kv[0].select(0, 0).copy_(k);
  kv[0].select(0, 1).copy_(v);

  const bool windows = layout.has_window();
  const int steps = layout.ring_steps();
  at::Tensor dq_BHND;
  if (!all_rows) dq_BHND = ops::token_major(q_BHND.sizes(), q.options().dtype(acc));
  if (windows) {  // a row may be in several works
    if (!all_rows) dq_BHND.zero_();
    dkv[0].zero_();
  }
  const at::Tensor home = at::empty(dkv[0].sizes(), dkv[0].options());  // dk, dv of the own keys: the result
  std::unique_ptr<Hop> gradient_hop;
  PassProgress& progress = pass_of_this_thread();
  for (int step = 0; step < steps; ++step) {
    const at::Tensor &here = kv[step % 2], &next = kv[(step + 1) % 2];
    const at::Tensor& d_here = dkv[step % 2];
    std::unique_ptr<Hop> hop;
    if (step + 1 < steps) hop = start_hop(*links_.keys, here, next);
    const std::vector<BlockWork>& works = layout.works((rank - step + ranks) % ranks);
    std::vector<ops::AttentionGradients> shares;
    progress.ring_step(step, steps);
    for (const BlockWork& work : works) {
      progress.part(&work - works.data(), std::ssize(works));
      shares.push_back(ops::block_attention_backward({.d_out = query_rows(d_out_BHND, work),
                                                      .q = query_rows(q_BHND, work),
                                                      .k = key_rows(heads_first(here.select(0, 0)), work),
                                                      .v = key_rows(heads_first(here.select(0, 1)), work),
                                                      .out = query_rows(out_BHND, work),
                                                      .lse = query_rows(lse, work),
                                                      .causal = is_causal(work),
                                                      .scale = score.scale,
                                                      .limits = limits_of(work, score)}));
      at::Tensor& dq = shares.back().dq;
      if (step == 0 && all_rows) {
        dq_BHND = dq.to(acc);
      } else {
        put_or_add(query_rows(dq_BHND, work), dq, step == 0 && !windows);
      }
      dq = at::Tensor();  // not held while the next block is computed
    }
    if (gradient_hop) wait_for(*gradient_hop);
    add_key_shares(d_here, works, shares, step == 0 && !windows);
    if (hop) wait_for(*hop);
    stop_point();  // with no hop in flight
    const at::Tensor& goes_to = step + 1 < steps ? dkv[(step + 1) % 2] : home;
    const int places = step + 1 < steps ? 1 : ranks - step;
    if (places < ranks) {
      gradient_hop = start_hop(*links_.gradients, d_here, goes_to, places);
    } else {
      goes_to.copy_(d_here);
    }
  }
  if (gradient_hop) wait_for(*gradient_hop);
  return {heads_first(dq_BHND).contiguous(), home.select(0, 0), home.select(0, 1)};
}

}  // namespace ropeway
