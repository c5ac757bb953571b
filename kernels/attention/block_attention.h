// Attention of one block of queries against one block of keys, tile by tile with an online softmax (Dao et
// al., "FlashAttention", 2022; "FlashAttention-2", 2023), so that scores exist for one tile only:
//
//   s_ij  = scale * q_i . k_j
//   lse_i = log sum_j exp(s_ij)
//   o_i   = sum_j exp(s_ij - lse_i) v_j
//
// Query head h reads key/value head h / (heads / kv_heads). causal: query i sees keys 0 .. i (square blocks
// only). A band: query i sees key j when 0 <= offset + i - j < window; a query may see no key at all, has
// then result 0 and lse -inf. A soft cap: s_ij = cap * tanh(scale * q_i . k_j / cap). Element types double,
// float, bfloat16; everything between input and output is in acc type (double for double, else float). One
// thread; scratch memory is a few copies of one head's keys, values and queries.
#pragma once

#include <cstdint>

#include "kernels/attention/row_strides.h"
#include "kernels/base/element.h"

namespace ropeway {

struct BlockAttentionShape {
  int64_t batch = 0, heads = 0, kv_heads = 0, queries = 0, keys = 0, head_dim = 0;
  double scale = 1.0;
  bool causal = false;
  int64_t offset = 0, window = 0;  // a band; window 0: none
  double softcap = 0;              // 0: none

  // The keys [begin, end) that a query sees.
  ROPEWAY_HOST_DEVICE int64_t keys_begin(int64_t query) const {
    const int64_t begin = offset + query + 1 - window;
    return window > 0 && begin > 0 ? (begin < keys ? begin : keys) : 0;
  }
  ROPEWAY_HOST_DEVICE int64_t keys_end(int64_t query) const {
    if (!causal && window == 0) return keys;
    const int64_t end = offset + query + 1;
    return end < keys ? end : keys;
  }
  // Pairs of a query and a key in between which the tiles of [begin, begin + rows) compute something: what
  // their time goes by.
  int64_t pairs(int64_t begin, int64_t rows) const {
    const int64_t seen = keys_end(begin + rows - 1) - keys_begin(begin);
    return rows * (seen > 0 ? seen : 0);
  }
};

// A tensor [B, H, N, D] of which D is contiguous.
template <typename T>
struct HeadRows {
  T* data = nullptr;
  RowStrides strides;
  ROPEWAY_HOST_DEVICE T* row(int64_t b, int64_t h, int64_t n) const { return data + strides.offset(b, h, n); }
};

template <typename T>
struct BlockAttentionForward {
  BlockAttentionShape shape;
  HeadRows<const T> q, k, v;        // [B, H, Nq, D], [B, K, Nk, D] twice
  HeadRows<T> out;                  // [B, H, Nq, D], written
  HeadRows<accumulation_t<T>> lse;  // [B, H, Nq], written
};
// At least one key is required.
template <typename T>
void block_attention_forward(const BlockAttentionForward<T>& call);

// out and lse may be those of the whole row, merged over many blocks; p is then the block's part of the row's
// softmax, and delta the row's own:
//
//   p_ij    = exp(s_ij - lse_i)
//   delta_i = do_i . o_i
//   ds_ij   = scale * p_ij * (do_i . v_j - delta_i)       times 1 - (s_ij / cap)^2 under a soft cap
//   dv_j = sum_i p_ij do_i,  dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i
//
// A row whose lse is -inf has no keys: it receives and contributes no gradient.
template <typename T>
struct BlockAttentionBackward {
  BlockAttentionShape shape;
  HeadRows<const T> d_out, q, k, v, out;
  HeadRows<const accumulation_t<T>> lse;
  HeadRows<accumulation_t<T>> dq, dk, dv;  // written
};
template <typename T>
void block_attention_backward(const BlockAttentionBackward<T>& call);

}  // namespace ropeway
