#include "parallel/attention/sharded_keys.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include "kernels/ops/attention_ops.h"

namespace ropeway {
namespace {

// Merged over the ranks, on the host: out [1, H, m, D], acc type.
at::Tensor merged_over_ranks(Collectives& group, const ops::AttentionOutput& own) {
  const int64_t dim = own.out.size(3);
  const at::Tensor share = at::cat({own.out, own.lse.unsqueeze(3)}, 3).to(at::kCPU).contiguous();
  std::vector<int64_t> sizes = share.sizes().vec();
  sizes.insert(sizes.begin(), group.size());
  const at::Tensor shares = at::empty(sizes, share.options());  // [P, 1, H, m, D + 1]
  group.all_gather(share.const_data_ptr(), shares.mutable_data_ptr(), static_cast<int64_t>(share.nbytes()));
  const auto out_of = [&](int rank) { return shares.select(0, rank).narrow(3, 0, dim).contiguous(); };
  const auto lse_of = [&](int rank) { return shares.select(0, rank).select(3, dim).contiguous(); };
  const at::Tensor out = out_of(0), lse = lse_of(0);
  for (int rank = 1; rank < group.size(); ++rank) ops::merge_attention_(out, lse, out_of(rank), lse_of(rank));
  return out;
}

}  // namespace

at::Tensor attend_to_sharded_keys(Collectives& group, const ops::CachedAttentionCall& call) {
  const ops::AttentionOutput own = ops::cached_attention(call);
  const at::Tensor out = group.size() == 1 ? own.out : merged_over_ranks(group, own);
  return out.select(0, 0).transpose(0, 1).to(call.q.options()).contiguous();
}

}  // namespace ropeway
