#include "kernels/attention/head_groups.h"

#include <algorithm>

namespace ropeway {
namespace {

constexpr int64_t kNarrow = 2, kWide = 4;  // bytes of BF16, F32

}  // namespace

int64_t attention_workspace_bytes(const BlockAttentionShape& shape) {
  const int64_t rows = shape.batch * shape.heads, keys = shape.heads > shape.kv_heads ? shape.keys : 0;
  return rows * shape.head_dim * (shape.queries * kWide + 2 * keys * kNarrow);
}

int64_t backward_head_groups(const BlockAttentionShape& shape) {
  constexpr int64_t kMost = int64_t{512} << 20;
  const int64_t bytes = attention_workspace_bytes(shape);
  for (int64_t groups = 1; groups < shape.kv_heads; ++groups) {
    if (shape.kv_heads % groups == 0 && bytes / groups <= kMost) return groups;
  }
  return std::max<int64_t>(1, shape.kv_heads);
}

int64_t attention_backward_bytes(const BlockAttentionShape& shape) {
  const int64_t rows = shape.batch * (shape.heads * shape.queries + 2 * shape.kv_heads * shape.keys);
  const int64_t results = rows * shape.head_dim * kNarrow, groups = backward_head_groups(shape);
  const int64_t call = attention_workspace_bytes(shape) / groups;
  // With several groups, the results of one exist beside those of all of them.
  return results + call + (groups == 1 ? 0 : results / groups);
}

}  // namespace ropeway
