// Merging of attention over blocks of keys (blockwise softmax; Dao et al. 2022, Liu et al. 2023): the running
// result takes in one more block's. Running result in acc type, blocks in any element type.
#pragma once

#include <cstdint>

#include "kernels/attention/row_strides.h"
#include "kernels/base/element.h"

namespace ropeway {

// T: the block's element type (double, float, bfloat16). out_acc, out_block [B, H, N, D]; lse_acc,
// lse_block [B, H, N].
template <typename T>
struct AttentionMerge {
  using Acc = accumulation_t<T>;
  int64_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  Acc* out_acc = nullptr;
  RowStrides out_acc_strides;
  Acc* lse_acc = nullptr;
  RowStrides lse_acc_strides;
  const T* out_block = nullptr;
  RowStrides out_block_strides;
  const Acc* lse_block = nullptr;
  RowStrides lse_block_strides;
};
template <typename T>
void merge_attention(const AttentionMerge<T>& call);

}  // namespace ropeway
