// RoPE as team kernels (base/team.h): the rotation, forward and backward.
#pragma once

#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"
#include "kernels/rope/rope.h"
#include "kernels/rope/rotate_pair.h"

namespace ropeway {

// An item is N neighbouring pairs of one head, one where they are interleaved; a row is a token.
template <typename T, int N, bool transposed>
struct RopeRotation {
  using Acc = accumulation_t<T>;
  T* x;
  const Acc *cos, *sin;
  int64_t token_stride, head_dim, pairs, step, apart;
  ItemTiles tiles;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    const auto packs = static_cast<uint32_t>(pairs / N);
    for_each_item(team, tiles, [&](int64_t token, int64_t item) {
      const uint32_t head = static_cast<uint32_t>(item) / packs;
      const int64_t pair = int64_t{static_cast<uint32_t>(item) - head * packs} * N;
      T* const first = row_pointer(x, token, token_stride) + head * head_dim + step * pair;
      T* const second = first + apart;
      Acc x1[N], x2[N], c[N], s[N];
      load_pack<N>(first, x1);
      load_pack<N>(second, x2);
      load_pack<N>(row_pointer(cos, token, pairs) + pair, c);
      load_pack<N>(row_pointer(sin, token, pairs) + pair, s);
      for (int i = 0; i < N; ++i) {
        Acc y1, y2;
        if constexpr (transposed) {
          rotate_pair_transposed(x1[i], x2[i], c[i], s[i], y1, y2);
        } else {
          rotate_pair(x1[i], x2[i], c[i], s[i], y1, y2);
        }
        x1[i] = y1;
        x2[i] = y2;
      }
      store_pack<N>(first, x1);
      store_pack<N>(second, x2);
    });
  }
};

// Whether heads of these rows can be read in packs of n pairs.
template <typename T>
bool heads_fit_packs(int n, const T* x, int64_t token_stride, const RopeShape& shape) {
  return !shape.interleaved && (shape.rotary_dim / 2) % n == 0 && fits_packs(n, x, token_stride) &&
         fits_packs(n, x, shape.head_dim);
}

template <bool transposed, typename T, typename Launcher>
void launch_rope(const Launcher& launcher, const char* name, T* x, const accumulation_t<T>* cos,
                 const accumulation_t<T>* sin, const RopeShape& shape) {
  const int64_t pairs = shape.rotary_dim / 2;
  constexpr int kPack = kPackOf<T>;
  const bool fits = heads_fit_packs(kPack, x, shape.token_stride, shape) && fits_packs(kPack, cos, pairs) &&
                    fits_packs(kPack, sin, pairs);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launch_items(
        launcher, name,
        RopeRotation<T, N, transposed>{x, cos, sin, shape.token_stride, shape.head_dim, pairs, shape.step(),
                                       shape.apart(), ItemTiles(shape.tokens, shape.heads * (pairs / N))});
  });
}

}  // namespace ropeway
