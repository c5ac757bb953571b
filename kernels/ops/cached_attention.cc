#include "kernels/ops/cached_attention.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

constexpr const char* kName = "cached_attention";
constexpr double kNothing = -std::numeric_limits<double>::infinity();

void check(const CachedAttentionCall& c) {
  ROPEWAY_CHECK(c.q.dim() == 3 && c.keys.dim() == 3, "{}: q [m,H,D], keys and values [K,n,D] wanted", kName);
  ROPEWAY_CHECK(c.keys.sizes() == c.values.sizes() && c.keys.size(2) == c.q.size(2) && c.keys.size(0) > 0 &&
                    c.q.size(1) % c.keys.size(0) == 0,
                "{}: {} query heads of dim {} do not fit {} key/value heads of dim {}", kName, c.q.size(1),
                c.q.size(2), c.keys.size(0), c.keys.size(2));
  ROPEWAY_CHECK(c.keys.scalar_type() == c.q.scalar_type() && c.values.scalar_type() == c.q.scalar_type() &&
                    c.keys.device() == c.q.device() && c.values.device() == c.q.device(),
                "{}: q, keys and values must be of one type and on one device", kName);
  ROPEWAY_CHECK(static_cast<int64_t>(c.seen.size()) == c.q.size(0) && c.tile_keys > 0,
                "{}: {} queries with the rows of {}", kName, c.q.size(0), c.seen.size());
  for (const SeenRows& rows : c.seen) {
    ROPEWAY_CHECK(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= c.keys.size(1),
                  "{}: rows {} to {} of {} keys", kName, rows.begin, rows.end, c.keys.size(1));
  }
}

// a [K, M, N] * b [K, N, L] in acc type.
at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  const at::ScalarType acc = accumulation_type(a.scalar_type());
  if (a.scalar_type() == acc) return at::bmm(a, b);
  if (on_cuda(kName, a.device())) return at::bmm(a, b, acc);
  return at::bmm(a.to(acc), b.to(acc));  // the CPU's libraries know no product that widens
}

// [m, keys] bool: the query does not see the key of row begin + column; undefined where all see all.
at::Tensor unseen(const std::vector<SeenRows>& seen, SeenRows tile, c10::Device device) {
  const bool all = std::ranges::all_of(
      seen, [&](const SeenRows& rows) { return rows.begin <= tile.begin && rows.end >= tile.end; });
  if (all) return {};
  const int64_t columns = tile.end - tile.begin;
  const at::Tensor hidden =
      at::full({static_cast<int64_t>(seen.size()), columns}, true, at::TensorOptions(at::kBool));
  for (size_t i = 0; i < seen.size(); ++i) {
    const int64_t begin = std::max(seen[i].begin, tile.begin), end = std::min(seen[i].end, tile.end);
    if (begin < end)
      hidden.select(0, static_cast<int64_t>(i)).narrow(0, begin - tile.begin, end - begin).fill_(false);
  }
  return hidden.to(device);
}

// The keys of one tile; q [K, group * m, D].
AttentionOutput attend_tile(const CachedAttentionCall& c, const at::Tensor& q, SeenRows tile) {
  const int64_t m = c.q.size(0), heads = c.q.size(1), count = tile.end - tile.begin;
  const at::Tensor keys = c.keys.narrow(1, tile.begin, count), values = c.values.narrow(1, tile.begin, count);
  at::Tensor scores = product(q, keys.transpose(1, 2)).mul_(c.scale);  // [K, group * m, keys]
  if (c.softcap > 0) scores.div_(c.softcap).tanh_().mul_(c.softcap);
  const at::Tensor hidden = unseen(c.seen, tile, scores.device());
  if (hidden.defined()) scores.view({heads, m, count}).masked_fill_(hidden, kNothing);
  at::Tensor top = at::amax(scores, {-1}, /*keepdim=*/true);
  if (hidden.defined()) top.masked_fill_(top.eq(kNothing), 0);
  at::Tensor weights = scores.sub_(top).exp_();
  const at::Tensor sum = weights.sum({-1}, /*keepdim=*/true);
  at::Tensor out = product(weights.to(values.scalar_type()), values);
  out.div_(hidden.defined() ? sum.masked_fill(sum.eq(0), 1) : sum);
  return {out.view({1, heads, m, c.q.size(2)}), top.add_(sum.log()).view({1, heads, m})};
}

}  // namespace

AttentionOutput cached_attention(const CachedAttentionCall& call) {
  check(call);
  const int64_t m = call.q.size(0), heads = call.q.size(1), dim = call.q.size(2), kv = call.keys.size(0);
  const auto acc = call.q.options().dtype(accumulation_type(call.q.scalar_type()));
  SeenRows all{call.keys.size(1), 0};
  for (const SeenRows& rows : call.seen) {
    if (rows.begin == rows.end) continue;
    all = {std::min(all.begin, rows.begin), std::max(all.end, rows.end)};
  }
  if (all.begin >= all.end) {
    return {at::zeros({1, heads, m, dim}, acc), at::full({1, heads, m}, kNothing, acc)};
  }
  const at::Tensor q = call.q.transpose(0, 1).reshape({kv, heads / kv * m, dim});
  AttentionOutput merged;
  for (int64_t begin = all.begin; begin < all.end; begin += call.tile_keys) {
    const AttentionOutput part = attend_tile(call, q, {begin, std::min(begin + call.tile_keys, all.end)});
    if (begin == all.begin) {
      merged = part;
    } else {
      merge_attention_(merged.out, merged.lse, part.out, part.lse);
    }
  }
  return merged;
}

}  // namespace ropeway::ops
