// Block attention on the CPU, backward. For each head: queries and output gradients are packed once; every
// tile of keys then meets all tiles of queries that see it. Five products per pair of tiles: scores, dp, and
// the shares of dv, dk, dq.
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

constexpr int64_t kQueryTile = 64, kKeyTile = 128;

// Scratch for one head; `width` is head_dim rounded up.
template <typename Acc>
struct Scratch {
  int64_t width, padded_queries;
  std::vector<Acc> queries, d_out, dq;                                // [padded_queries, width]
  std::vector<Acc> lse, delta;                                        // [padded_queries]
  std::vector<Acc> keys, keys_transposed, values_transposed, dk, dv;  // of one tile of keys
  std::vector<Acc> weights, d_scores;                                 // of one pair of tiles
  const std::atomic<bool>* unwanted = &unwanted_work();

  explicit Scratch(const BlockAttentionShape& s)
      : width(round_up(s.head_dim, kColumnMultiple<Acc>)),
        padded_queries(round_up(s.queries, kRowMultiple)),
        queries(padded_queries * width),
        d_out(padded_queries * width),
        dq(padded_queries * width),
        lse(padded_queries),
        delta(padded_queries),
        keys(kKeyTile * width),
        keys_transposed(kKeyTile * s.head_dim),
        values_transposed(kKeyTile * s.head_dim),
        dk(kKeyTile * width),
        dv(kKeyTile * width),
        weights(kQueryTile * kKeyTile),
        d_scores(kQueryTile * kKeyTile) {}
};

template <typename T, typename Acc = accumulation_t<T>>
ROPEWAY_HOST_DEVICE Acc dot(const T* a, const T* b, int64_t count) {
  Acc sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t d = 0; d < count; ++d) sum += load_element(a + d) * load_element(b + d);
  return sum;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void add_row(const Acc* from, int64_t count, Acc* to) {
#pragma omp simd
  for (int64_t d = 0; d < count; ++d) to[d] += from[d];
}

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void pack_head(const BlockAttentionBackward<T>& call, int64_t b, int64_t head,
                                   Scratch<Acc>& scratch) {
  const BlockAttentionShape& s = call.shape;
  pack_rows(call.q.row(b, head, 0), call.q.strides.token, s.queries, s.head_dim, Acc(1),
            scratch.queries.data(), scratch.padded_queries, scratch.width);
  pack_rows(call.d_out.row(b, head, 0), call.d_out.strides.token, s.queries, s.head_dim, Acc(1),
            scratch.d_out.data(), scratch.padded_queries, scratch.width);
  std::fill(scratch.dq.begin(), scratch.dq.end(), Acc(0));
  for (int64_t i = 0; i < s.queries; ++i) {
    const Acc lse = *call.lse.row(b, head, i);
    // exp(s - inf) = 0: a row without keys has no weights.
    scratch.lse[i] = lse == -std::numeric_limits<Acc>::infinity() ? -lse : lse;
    scratch.delta[i] = dot(call.d_out.row(b, head, i), call.out.row(b, head, i), s.head_dim);
  }
}

// Scores of a row become weights, dp becomes ds, both 0 before `hidden` and from `visible` on.
template <typename Acc>
ROPEWAY_HOST_DEVICE void differentiate_row(Acc* weights, Acc* d_scores, int64_t hidden, int64_t visible,
                                           int64_t columns, Acc scale, Acc lse, Acc delta) {
  for (int64_t j = 0; j < hidden; ++j) weights[j] = d_scores[j] = 0;
#pragma omp simd
  for (int64_t j = hidden; j < visible; ++j) {
    const Acc weight = bounded_exp(weights[j] * scale - lse);
    weights[j] = weight;
    d_scores[j] = weight * (d_scores[j] - delta) * scale;
  }
  for (int64_t j = visible; j < columns; ++j) weights[j] = d_scores[j] = 0;
}

// The same under a soft cap.
template <typename Acc>
ROPEWAY_HOST_DEVICE void differentiate_capped_row(Acc* weights, Acc* d_scores, int64_t hidden,
                                                  int64_t visible, int64_t columns, Acc scale, Acc cap,
                                                  Acc lse, Acc delta) {
  for (int64_t j = 0; j < hidden; ++j) weights[j] = d_scores[j] = 0;
  for (int64_t j = hidden; j < visible; ++j) {
    const Acc share = std::tanh(weights[j] * scale / cap);
    const Acc weight = bounded_exp(cap * share - lse);
    weights[j] = weight;
    d_scores[j] = weight * (d_scores[j] - delta) * scale * (Acc(1) - share * share);
  }
  for (int64_t j = visible; j < columns; ++j) weights[j] = d_scores[j] = 0;
}

// The first query that sees any of these keys, and the first one behind those that do.
ROPEWAY_HOST_DEVICE int64_t queries_begin(const BlockAttentionShape& s, int64_t key) {
  if (s.window == 0) return s.causal ? key : 0;
  return key > s.offset ? key - s.offset : 0;
}
ROPEWAY_HOST_DEVICE int64_t queries_end(const BlockAttentionShape& s, int64_t key, int64_t count) {
  if (s.window == 0) return s.queries;
  return std::clamp<int64_t>(key + count - 1 - s.offset + s.window, 0, s.queries);
}

// Pairs of a query and a key that one tile of keys comes to: what its time goes by.
int64_t pairs_of_tile(const BlockAttentionShape& s, int64_t key) {
  const int64_t count = std::min(kKeyTile, s.keys - key);
  return count * std::max<int64_t>(queries_end(s, key, count) - queries_begin(s, key), 0);
}
int64_t pairs_of_head(const BlockAttentionShape& s) {
  int64_t pairs = 0;
  for (int64_t key = 0; key < s.keys; key += kKeyTile) pairs += pairs_of_tile(s, key);
  return pairs;
}

// One tile of keys [key, key + count) against all queries of one head: adds to the scratch's dq, dk, dv.
template <int vector_bytes, typename Acc>
ROPEWAY_HOST_DEVICE void key_tile(const BlockAttentionShape& s, int64_t key, int64_t count,
                                  Scratch<Acc>& scratch) {
  const int64_t width = scratch.width, dim = s.head_dim, packed = round_up(count, kColumnMultiple<Acc>);
  Acc* const weights = scratch.weights.data();
  Acc* const d_scores = scratch.d_scores.data();
  const int64_t first = queries_begin(s, key) / kQueryTile * kQueryTile, end = queries_end(s, key, count);
  for (int64_t begin = first; begin < end; begin += kQueryTile) {
    if (scratch.unwanted->load(std::memory_order_relaxed)) return;
    const int64_t rows = std::min(kQueryTile, s.queries - begin), padded_rows = round_up(rows, kRowMultiple);
    const int64_t seen = std::min(count, s.keys_end(begin + rows - 1) - key);
    if (seen <= 0) continue;
    const int64_t columns = round_up(seen, kColumnMultiple<Acc>);
    const Acc* const queries = scratch.queries.data() + begin * width;
    const Acc* const d_out = scratch.d_out.data() + begin * width;
    tile_product<false, vector_bytes>(LeftOperand<Acc>{queries, width, 1}, scratch.keys_transposed.data(),
                                      packed, weights, kKeyTile, padded_rows, columns, dim);
    tile_product<false, vector_bytes>(LeftOperand<Acc>{d_out, width, 1}, scratch.values_transposed.data(),
                                      packed, d_scores, kKeyTile, padded_rows, columns, dim);
    for (int64_t i = 0; i < padded_rows; ++i) {
      const int64_t visible = std::clamp<int64_t>(s.keys_end(begin + i) - key, 0, seen);
      const int64_t hidden = std::clamp<int64_t>(s.keys_begin(begin + i) - key, 0, visible);
      Acc *const row = weights + i * kKeyTile, *const d_row = d_scores + i * kKeyTile;
      const auto scale = static_cast<Acc>(s.scale);
      const Acc lse = scratch.lse[begin + i], delta = scratch.delta[begin + i];
      if (s.softcap > 0) {
        differentiate_capped_row(row, d_row, hidden, visible, columns, scale, static_cast<Acc>(s.softcap),
                                 lse, delta);
      } else {
        differentiate_row(row, d_row, hidden, visible, columns, scale, lse, delta);
      }
    }
    tile_product<true, vector_bytes>(LeftOperand<Acc>{weights, 1, kKeyTile}, d_out, width, scratch.dv.data(),
                                     width, columns, width, padded_rows);
    tile_product<true, vector_bytes>(LeftOperand<Acc>{d_scores, 1, kKeyTile}, queries, width,
                                     scratch.dk.data(), width, columns, width, padded_rows);
    tile_product<true, vector_bytes>(LeftOperand<Acc>{d_scores, kKeyTile, 1}, scratch.keys.data(), width,
                                     scratch.dq.data() + begin * width, width, padded_rows, width, columns);
  }
}

template <int vector_bytes, typename T, typename Acc>
ROPEWAY_HOST_DEVICE void head_backward(const BlockAttentionBackward<T>& call, int64_t b, int64_t head,
                                       int64_t kv_head, Scratch<Acc>& scratch, PassProgress& progress) {
  const BlockAttentionShape& s = call.shape;
  if (scratch.unwanted->load(std::memory_order_relaxed)) return;
  pack_head(call, b, head, scratch);
  for (int64_t key = 0; key < s.keys; key += kKeyTile) {
    const int64_t count = std::min(kKeyTile, s.keys - key), packed = round_up(count, kColumnMultiple<Acc>);
    const T* const k = call.k.row(b, kv_head, key);
    pack_rows(k, call.k.strides.token, count, s.head_dim, Acc(1), scratch.keys.data(), packed, scratch.width);
    pack_transposed(k, call.k.strides.token, count, s.head_dim, scratch.keys_transposed.data(), packed);
    pack_transposed(call.v.row(b, kv_head, key), call.v.strides.token, count, s.head_dim,
                    scratch.values_transposed.data(), packed);
    std::fill(scratch.dk.begin(), scratch.dk.end(), Acc(0));
    std::fill(scratch.dv.begin(), scratch.dv.end(), Acc(0));
    key_tile<vector_bytes>(s, key, count, scratch);
    if (scratch.unwanted->load(std::memory_order_relaxed)) return;
    for (int64_t j = 0; j < count; ++j) {
      add_row(scratch.dk.data() + j * scratch.width, s.head_dim, call.dk.row(b, kv_head, key + j));
      add_row(scratch.dv.data() + j * scratch.width, s.head_dim, call.dv.row(b, kv_head, key + j));
    }
    progress.add(pairs_of_tile(s, key));
  }
  for (int64_t i = 0; i < s.queries; ++i) {
    std::copy_n(scratch.dq.data() + i * scratch.width, s.head_dim, call.dq.row(b, head, i));
  }
}

}  // namespace

template <typename T>
void block_attention_backward(const BlockAttentionBackward<T>& call) {
  using Acc = accumulation_t<T>;
  Scratch<Acc> buffers(call.shape);
  Scratch<Acc>* const scratch = &buffers;
  const BlockAttentionBackward<T>* const c = &call;
  PassProgress* const progress = &pass_of_this_thread();
  progress->expect(call.shape.batch * call.shape.heads * pairs_of_head(call.shape));
  with_widest_vectors([=](auto vector_bytes) ROPEWAY_VECTOR_BODY {
    const BlockAttentionShape& s = c->shape;
    const int64_t group = s.heads / s.kv_heads;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t kv_head = 0; kv_head < s.kv_heads; ++kv_head) {
        for (int64_t j = 0; j < s.keys; ++j) {
          std::fill_n(c->dk.row(b, kv_head, j), s.head_dim, Acc(0));
          std::fill_n(c->dv.row(b, kv_head, j), s.head_dim, Acc(0));
        }
        for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
          head_backward<vector_bytes.value>(*c, b, head, kv_head, *scratch, *progress);
        }
      }
    }
  });
}

template void block_attention_backward<double>(const BlockAttentionBackward<double>&);
template void block_attention_backward<float>(const BlockAttentionBackward<float>&);
template void block_attention_backward<bfloat16>(const BlockAttentionBackward<bfloat16>&);

}  // namespace ropeway
