// Block attention on the CPU, forward. For each head: keys and values are packed once, then every tile of
// queries runs along them. Scores of a tile, its weights and its outputs stay in the second-level cache.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention/block_attention.h"
#include "kernels/attention/pack.h"
#include "kernels/base/fast_exp.h"
#include "kernels/base/pass_progress.h"
#include "kernels/base/tile_product.h"
#include "kernels/base/unwanted_work.h"
#include "kernels/base/vector_dispatch.h"

namespace ropeway {
namespace {

constexpr int64_t kQueryTile = 64, kKeyTile = 256;

// Scratch for one head; `width` is head_dim rounded up.
template <typename Acc>
struct Scratch {
  int64_t width, padded_keys;
  std::vector<Acc> keys, values, queries, scores, out;
  Acc top[kQueryTile], sum[kQueryTile];
  const std::atomic<bool>* unwanted = &unwanted_work();

  explicit Scratch(const BlockAttentionShape& s)
      : width(round_up(s.head_dim, kColumnMultiple<Acc>)),
        padded_keys(round_up(s.keys, kColumnMultiple<Acc>)),
        keys(padded_keys * s.head_dim),
        values(padded_keys * width),
        queries(kQueryTile * s.head_dim),
        scores(kQueryTile * kKeyTile),
        out(kQueryTile * width) {}
};

// One row of scores becomes weights relative to the row's new maximum; returns the factor for what
// was summed before.
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc update_row(Acc* scores, int64_t width, Acc& top, Acc& sum) {
  Acc new_top = top;
#pragma omp simd reduction(max : new_top)
  for (int64_t j = 0; j < width; ++j) new_top = scores[j] > new_top ? scores[j] : new_top;
  const Acc correction = bounded_exp(top - new_top);
  Acc row_sum = 0;
#pragma omp simd reduction(+ : row_sum)
  for (int64_t j = 0; j < width; ++j) {
    const Acc weight = bounded_exp(scores[j] - new_top);
    scores[j] = weight;
    row_sum += weight;
  }
  top = new_top;
  sum = sum * correction + row_sum;
  return correction;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void scale_row(Acc* row, int64_t width, Acc factor) {
#pragma omp simd
  for (int64_t d = 0; d < width; ++d) row[d] *= factor;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void cap_row(Acc* scores, int64_t width, Acc cap) {
  for (int64_t j = 0; j < width; ++j) scores[j] = cap * std::tanh(scores[j] / cap);
}

// A tile's scores of a row that sees its keys [begin, end) become weights; returns as update_row.
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc update_seen(Acc* row, int64_t begin, int64_t end, int64_t columns, Acc& top,
                                    Acc& sum) {
  if (begin >= end) {  // no key of this tile
    for (int64_t j = 0; j < columns; ++j) row[j] = 0;
    return Acc(1);
  }
  for (int64_t j = 0; j < begin; ++j) row[j] = -std::numeric_limits<Acc>::infinity();
  for (int64_t j = end; j < columns; ++j) row[j] = -std::numeric_limits<Acc>::infinity();
  return update_row(row, columns, top, sum);
}

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void store_row(const Acc* row, int64_t head_dim, Acc factor, T* to) {
#pragma omp simd
  for (int64_t d = 0; d < head_dim; ++d) store_element(to + d, row[d] * factor);
}

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void pack_head(const BlockAttentionForward<T>& call, int64_t b, int64_t kv_head,
                                   Scratch<Acc>& scratch) {
  const BlockAttentionShape& s = call.shape;
  pack_rows(call.v.row(b, kv_head, 0), call.v.strides.token, s.keys, s.head_dim, Acc(1),
            scratch.values.data(), scratch.padded_keys, scratch.width);
  for (int64_t begin = 0; begin < s.keys; begin += kKeyTile) {
    pack_transposed(call.k.row(b, kv_head, begin), call.k.strides.token, std::min(kKeyTile, s.keys - begin),
                    s.head_dim, scratch.keys.data() + begin * s.head_dim,
                    std::min(kKeyTile, scratch.padded_keys - begin));
  }
}

// Queries [begin, begin + rows) of one head against all keys they may see.
template <int vector_bytes, typename T, typename Acc>
ROPEWAY_HOST_DEVICE void query_tile(const BlockAttentionForward<T>& call, int64_t b, int64_t head,
                                    int64_t begin, Scratch<Acc>& scratch) {
  const BlockAttentionShape& s = call.shape;
  const int64_t width = scratch.width, rows = std::min(kQueryTile, s.queries - begin);
  const int64_t padded_rows = round_up(rows, kRowMultiple), seen = s.keys_end(begin + rows - 1);
  Acc* const queries = scratch.queries.data();
  Acc* const scores = scratch.scores.data();
  Acc* const out = scratch.out.data();
  pack_rows(call.q.row(b, head, begin), call.q.strides.token, rows, s.head_dim, static_cast<Acc>(s.scale),
            queries, padded_rows, s.head_dim);
  std::fill_n(out, padded_rows * width, Acc(0));
  std::fill_n(scratch.top, padded_rows, -std::numeric_limits<Acc>::infinity());
  std::fill_n(scratch.sum, padded_rows, Acc(0));

  for (int64_t key = s.keys_begin(begin) / kKeyTile * kKeyTile; key < seen; key += kKeyTile) {
    if (scratch.unwanted->load(std::memory_order_relaxed)) return;
    const int64_t packed_width = std::min(kKeyTile, scratch.padded_keys - key);
    const int64_t columns = std::min(packed_width, round_up(seen - key, kColumnMultiple<Acc>));
    tile_product<false, vector_bytes>(LeftOperand<Acc>{queries, s.head_dim, 1},
                                      scratch.keys.data() + key * s.head_dim, packed_width, scores, kKeyTile,
                                      padded_rows, columns, s.head_dim);
    for (int64_t i = 0; i < padded_rows; ++i) {
      Acc* const row = scores + i * kKeyTile;
      if (s.softcap > 0) cap_row(row, columns, static_cast<Acc>(s.softcap));
      const int64_t hidden = std::max<int64_t>(s.keys_begin(begin + i) - key, 0);
      const int64_t visible = std::min(std::max<int64_t>(s.keys_end(begin + i) - key, 0), columns);
      const Acc correction = update_seen(row, hidden, visible, columns, scratch.top[i], scratch.sum[i]);
      if (correction != Acc(1)) scale_row(out + i * width, width, correction);
    }
    tile_product<true, vector_bytes>(LeftOperand<Acc>{scores, kKeyTile, 1},
                                     scratch.values.data() + key * width, width, out, width, padded_rows,
                                     width, columns);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const Acc sum = scratch.sum[i];  // 0: no key at all
    store_row(out + i * width, s.head_dim, sum > 0 ? Acc(1) / sum : Acc(0), call.out.row(b, head, begin + i));
    *call.lse.row(b, head, begin + i) = scratch.top[i] + std::log(scratch.sum[i]);
  }
}

// Of all query tiles of one head.
int64_t pairs_of_head(const BlockAttentionShape& s) {
  int64_t pairs = 0;
  for (int64_t begin = 0; begin < s.queries; begin += kQueryTile) {
    pairs += s.pairs(begin, std::min(kQueryTile, s.queries - begin));
  }
  return pairs;
}

}  // namespace

template <typename T>
void block_attention_forward(const BlockAttentionForward<T>& call) {
  using Acc = accumulation_t<T>;
  Scratch<Acc> buffers(call.shape);
  Scratch<Acc>* const scratch = &buffers;
  const BlockAttentionForward<T>* const c = &call;
  PassProgress* const progress = &pass_of_this_thread();
  progress->expect(call.shape.batch * call.shape.heads * pairs_of_head(call.shape));
  with_widest_vectors([=](auto vector_bytes) ROPEWAY_VECTOR_BODY {
    const BlockAttentionShape& s = c->shape;
    const int64_t group = s.heads / s.kv_heads;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t kv_head = 0; kv_head < s.kv_heads; ++kv_head) {
        pack_head(*c, b, kv_head, *scratch);
        for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
          for (int64_t begin = 0; begin < s.queries; begin += kQueryTile) {
            if (scratch->unwanted->load(std::memory_order_relaxed)) return;
            query_tile<vector_bytes.value>(*c, b, head, begin, *scratch);
            progress->add(s.pairs(begin, std::min(kQueryTile, s.queries - begin)));
          }
        }
      }
    }
  });
}

template void block_attention_forward<double>(const BlockAttentionForward<double>&);
template void block_attention_forward<float>(const BlockAttentionForward<float>&);
template void block_attention_forward<bfloat16>(const BlockAttentionForward<bfloat16>&);

}  // namespace ropeway
