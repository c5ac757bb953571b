// Attention of a few queries that every rank has over keys that are spread over the ranks: each attends to the
// keys it holds, and the partial results are merged by log-sum-exp (Dao et al., "FlashAttention", 2022).
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/cached_attention.h"
#include "parallel/comm/collectives.h"

namespace ropeway {

// Collective over `group`, whose verbs take host memory: what is exchanged is H * (D + 1) numbers per query
// and rank. call: the same queries on every rank, over the rank's own keys. Returns out [m, H, D] in q's type
// and on its device, with the same bits on every rank where all have the same queries: the shares are merged
// in rank order.
at::Tensor attend_to_sharded_keys(Collectives& group, const ops::CachedAttentionCall& call);

}  // namespace ropeway
