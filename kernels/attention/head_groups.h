// Attention's backward by libtorch's operators on a GPU takes a workspace that grows with the block. Heads
// are independent, so it can be called for some of them at a time.
#pragma once

#include "kernels/attention/block_attention.h"

namespace ropeway {

// Bytes beside the results: dq in F32 and, with grouped queries, dk and dv of every query head before
// they are summed. (What FlashAttention 2's backward in ATen takes. For cuDNN it is an estimate: only its
// plans on a GPU could tell.)
int64_t attention_workspace_bytes(const BlockAttentionShape& shape);

// The number of groups of key/value heads, each with its query heads, for which the workspace of one call
// stays below 512 MiB: a divisor of kv_heads. A block long enough to need more than one group has thousands
// of thread blocks in each, so that no multiprocessor is idle.
int64_t backward_head_groups(const BlockAttentionShape& shape);

// The most that such a backward in BF16 has allocated at a time, its results included.
int64_t attention_backward_bytes(const BlockAttentionShape& shape);

}  // namespace ropeway
