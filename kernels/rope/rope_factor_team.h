// The gradient with respect to RoPE's factors and temperature as team kernels (base/team.h), in two stages:
// tiles of tokens, then the sum over tiles.
#pragma once

#include "kernels/base/column_sums.h"
#include "kernels/rope/rope_team.h"

namespace ropeway {

// How tokens are cut; depends on the shape only, and so does the order of additions.
struct FactorTiles {
  int64_t tokens_per_tile = 1, count = 0;
};
inline FactorTiles factor_tiles(const RopeShape& shape) {
  constexpr int64_t kMostTiles = 1024;
  FactorTiles tiles;
  tiles.tokens_per_tile = std::max<int64_t>(1, (shape.tokens + kMostTiles - 1) / kMostTiles);
  tiles.count = (shape.tokens + tiles.tokens_per_tile - 1) / tiles.tokens_per_tile;
  return tiles;
}

// A thread keeps to one pack of N pairs and walks over (token, head) of its tile together with the other
// threads that have the same pack.
template <typename T, int N>
struct FactorGradientTiles {
  using Acc = accumulation_t<T>;
  RopeFactorGradient<T> call;
  int64_t pairs;
  FactorTiles tiles;
  double* factor_partials;       // [tiles, pairs]
  double* temperature_partials;  // [tiles]

  struct Sums {
    double factor[N];
    double temperature;
  };

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    const int packs = static_cast<int>(pairs / N), walkers = team.size() / packs;
    double* const shared = team.template scratch<double>();  // [walkers, pairs]
    for (int64_t tile = team.index(); tile < tiles.count; tile += team.count()) {
      typename Team::template PerThread<double> temperature;
      team.each([&](int thread) {
        const int walker = thread / packs;
        temperature[thread] = 0;
        if (walker >= walkers) return;
        const int64_t pair = int64_t{thread - walker * packs} * N;
        const Sums sums = walk(tile, walker, walkers, pair);
        temperature[thread] = sums.temperature;
        for (int i = 0; i < N; ++i) shared[walker * pairs + pair + i] = sums.factor[i];
      });
      const double total = team.reduce(temperature, Add{});
      team.sync();
      team.each([&](int thread) {
        if (thread == 0) temperature_partials[tile] = total;
        for (int64_t i = thread; i < pairs; i += team.size()) {
          double sum = 0;
          for (int walker = 0; walker < walkers; ++walker) sum += shared[walker * pairs + i];
          factor_partials[tile * pairs + i] = -sum;
        }
      });
      team.sync();
    }
  }

  ROPEWAY_TEAM_BODY Sums walk(int64_t tile, int walker, int walkers, int64_t pair) const {
    Sums sums{};
    const int64_t heads = call.shape.heads;
    const int64_t begin = tile * tiles.tokens_per_tile, left = call.shape.tokens - begin;
    const int64_t count = left < tiles.tokens_per_tile ? left : tiles.tokens_per_tile;
    int64_t token = begin + walker / heads, head = walker % heads;
    while (token < begin + count) {
      if (call.scaled[token]) add(token, head, pair, sums);
      for (head += walkers; head >= heads; head -= heads) ++token;
    }
    return sums;
  }

  ROPEWAY_TEAM_BODY void add(int64_t token, int64_t head, int64_t pair, Sums& sums) const {
    const int64_t first = head * call.shape.head_dim + call.shape.step() * pair;
    const T* const y_pair = row_pointer(call.y, token, call.shape.token_stride) + first;
    const T* const dy_pair = row_pointer(call.dy, token, call.dy_token_stride) + first;
    double angle[N];
    load_pack<N>(row_pointer(call.angles, token, pairs) + pair, angle);
    Acc y1[N], y2[N], g1[N], g2[N];
    load_pack<N>(y_pair, y1);
    load_pack<N>(y_pair + call.shape.apart(), y2);
    load_pack<N>(dy_pair, g1);
    load_pack<N>(dy_pair + call.shape.apart(), g2);
    Acc temperature = 0;
    for (int i = 0; i < N; ++i) {
      sums.factor[i] += angle[i] * static_cast<double>(g2[i] * y1[i] - g1[i] * y2[i]);
      temperature += g1[i] * y1[i] + g2[i] * y2[i];
    }
    sums.temperature += static_cast<double>(temperature);
  }
};

// workspace: factor_tiles(shape).count * (pairs + 1) doubles. At most 512 pairs per head.
template <typename T, typename Launcher>
void launch_rope_factor_gradient(const Launcher& launcher, const RopeFactorGradient<T>& call,
                                 double* workspace) {
  constexpr const char* kName = "rope_factor_gradient";
  const int64_t pairs = call.shape.rotary_dim / 2;
  const FactorTiles tiles = factor_tiles(call.shape);
  if (tiles.count == 0 || pairs == 0 || call.shape.heads == 0) return;
  double* const temperature_partials = workspace + tiles.count * pairs;
  constexpr int kPack = kPackOf<T>;
  const bool fits = heads_fit_packs(kPack, call.y, call.shape.token_stride, call.shape) &&
                    fits_packs(kPack, call.dy, call.dy_token_stride) && fits_packs(kPack, call.angles, pairs);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    const int threads = pairs / N <= 256 ? 256 : kMaxBlockThreads;
    const int64_t walkers = threads / (pairs / N);
    launcher.blocks(kName, FactorGradientTiles<T, N>{call, pairs, tiles, workspace, temperature_partials},
                    tiles.count, threads, walkers * pairs * sizeof(double));
  });
  add_column_sums(launcher, kName, workspace, tiles.count, pairs, call.grad_log_factors);
  add_column_sums(launcher, kName, temperature_partials, tiles.count, int64_t{1}, call.grad_log_temperature);
}

}  // namespace ropeway
