// Attention of a few queries over keys that are kept from earlier passes, as text is generated. The keys of a
// rank are any of the positions before a query, so what a query sees is told by rows and not by a mask.
// Products and softmax are libtorch's, on the CPU and on CUDA alike: with one query per head there is nothing
// to tile but memory. Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/ops/attention_ops.h"

namespace ropeway::ops {

// The rows [begin, end) of the keys that a query sees.
struct SeenRows {
  int64_t begin = 0, end = 0;
};

struct CachedAttentionCall {
  at::Tensor q;                // [m, H, D]
  at::Tensor keys, values;     // [K, n, D], rows of a head side by side; H is a multiple of K
  std::vector<SeenRows> seen;  // of each query, ascending
  double scale = 1, softcap = 0;
  int64_t tile_keys = 16384;  // scores of so many keys exist at a time
};
// out [1, H, m, D] and lse [1, H, m], both in acc type: BF16 queries and keys are multiplied into F32, and the
// result waits unrounded for the shares of other ranks. A query that sees no key: out 0, lse -inf.
AttentionOutput cached_attention(const CachedAttentionCall& call);

}  // namespace ropeway::ops
