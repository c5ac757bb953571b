// Attention's backward by libtorch's operators on a GPU takes a workspace that grows with the block. Heads
// are independent, so it can be called for some of them at a time.
#pragma once

#include "kernels/attention/block_attention.h"

namespace ropeway {

// Bytes beside the results: dq in F32 and, with grouped queries, dk and dv of every query head before
// they are summed. (FlashAttention 2's backward in ATen; of cuDNN's an estimate, whose plans tell
// it on a GPU only.)
int64_t attention_workspace_bytes(const BlockAttentionShape& shape);

// In how many groups of key/value heads, each with its query heads, the workspace of one call stays below 512
// MiB however long the block is: a divisor of kv_heads. What needs more than that in one call has thousands
// of thread blocks in every group, so that no multiprocessor waits.
int64_t backward_head_groups(const BlockAttentionShape& shape);

// The most that such a backward in BF16 has allocated at a time, its results included.
int64_t attention_backward_bytes(const BlockAttentionShape& shape);

}  // namespace ropeway
