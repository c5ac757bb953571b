// RMSNorm as team kernels (base/team.h): a team, a warp for short rows and a block for long ones,
// works through whole rows. A thread keeps to the same columns in every row, so that weight gradients
// need no exchange.
#pragma once

#include <cmath>
#include <type_traits>

#include "kernels/base/column_sums.h"
#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"
#include "kernels/norm/rms_norm.h"

namespace ropeway {

template <typename T, int N>
struct RmsNormForwardRows {
  using Acc = accumulation_t<T>;
  RmsNormForward<T> call;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    const int64_t packs = call.channels / N;
    for (int64_t row = team.index(); row < call.rows; row += team.count()) {
      const T* const x = call.x + call.x_rows.offset(row);
      T* const y = call.y + call.y_rows.offset(row);
      typename Team::template PerThread<Acc> squares;
      team.each([&](int thread) {
        Acc sum = 0;
        ROPEWAY_ROLLED
        for (int64_t i = thread; i < packs; i += team.size()) {
          Acc values[N];
          load_pack<N>(x + i * N, values);
          for (int k = 0; k < N; ++k) sum += values[k] * values[k];
        }
        squares[thread] = sum;
      });
      const Acc mean = team.reduce(squares, Add{}) / static_cast<Acc>(call.channels);
      const Acc rstd = Acc(1) / std::sqrt(mean + static_cast<Acc>(call.eps));
      team.each([&](int thread) {
        ROPEWAY_ROLLED
        for (int64_t i = thread; i < packs; i += team.size()) {
          Acc values[N], weights[N];
          load_pack<N>(x + i * N, values);
          load_pack<N>(call.weight + i * N, weights);
          for (int k = 0; k < N; ++k) values[k] *= rstd * (weights[k] + static_cast<Acc>(call.offset));
          store_pack<N>(y + i * N, values);
        }
        if (thread == 0) call.rstd[row] = rstd;
      });
    }
  }
};

// How rows are cut for the weight gradient: one tile of rows per team.
struct RmsNormTiles {
  int threads = kWarp;  // of a team
  int64_t rows_per_tile = 1, count = 0;
};
// Depends on the shape and the element type only, and so does the order of additions.
template <typename T>
RmsNormTiles rms_norm_tiles(int64_t rows, int64_t channels) {
  constexpr int64_t kMostThreads = int64_t{1} << 18;  // of all teams together: what fills a large GPU
  constexpr int64_t kLongestRowOfAWarp = 64;          // packs
  RmsNormTiles tiles;
  const int64_t packs = channels / kPackOf<T>;
  tiles.threads = packs <= kLongestRowOfAWarp ? kWarp : threads_for_row(packs);
  const int64_t most = kMostThreads / tiles.threads;
  tiles.rows_per_tile = std::max<int64_t>(1, (rows + most - 1) / most);
  tiles.count = (rows + tiles.rows_per_tile - 1) / tiles.rows_per_tile;
  return tiles;
}

template <typename T, int N>
struct RmsNormBackwardRows {
  using Acc = accumulation_t<T>;
  RmsNormBackward<T> call;
  RmsNormTiles tiles;
  Acc* workspace;  // [tiles, channels]

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    const int64_t packs = call.channels / N;
    const bool with_weight = call.grad_weight != nullptr;
    Acc* const sums = team.template scratch<Acc>();  // [channels]
    for (int64_t tile = team.index(); tile < tiles.count; tile += team.count()) {
      if (with_weight) {
        team.each([&](int thread) {
          const Acc zeros[N] = {};
          ROPEWAY_ROLLED
          for (int64_t i = thread; i < packs; i += team.size()) store_pack<N>(sums + i * N, zeros);
        });
      }
      const int64_t begin = tile * tiles.rows_per_tile, end_of_tile = begin + tiles.rows_per_tile;
      const int64_t end = end_of_tile < call.rows ? end_of_tile : call.rows;
      for (int64_t row = begin; row < end; ++row)
        backward_row(team, row, packs, with_weight ? sums : nullptr);
      if (with_weight) {
        team.each([&](int thread) {
          ROPEWAY_ROLLED
          for (int64_t i = thread; i < packs; i += team.size()) {
            Acc values[N];
            load_pack<N>(sums + i * N, values);
            store_pack<N>(workspace + tile * call.channels + i * N, values);
          }
        });
      }
    }
  }

  template <typename Team>
  ROPEWAY_TEAM_BODY void backward_row(Team& team, int64_t row, int64_t packs, Acc* sums) const {
    const T* const x = call.x + call.x_rows.offset(row);
    const T* const dy = call.dy + call.dy_rows.offset(row);
    T* const dx = call.dx + call.dx_rows.offset(row);
    const Acc rstd = call.rstd[row];
    typename Team::template PerThread<Acc> products;
    team.each([&](int thread) {
      Acc sum = 0;
      ROPEWAY_ROLLED
      for (int64_t i = thread; i < packs; i += team.size()) {
        Acc x_i[N], dy_i[N], weight[N];
        load_pack<N>(x + i * N, x_i);
        load_pack<N>(dy + i * N, dy_i);
        load_pack<N>(call.weight + i * N, weight);
        for (int k = 0; k < N; ++k) sum += dy_i[k] * x_i[k] * (weight[k] + static_cast<Acc>(call.offset));
      }
      products[thread] = sum;
    });
    const Acc projection = team.reduce(products, Add{}) * rstd / static_cast<Acc>(call.channels);
    team.each([&](int thread) {
      ROPEWAY_ROLLED
      for (int64_t i = thread; i < packs; i += team.size()) {
        Acc x_i[N], dy_i[N], weight[N], before[N] = {};
        load_pack<N>(x + i * N, x_i);
        load_pack<N>(dy + i * N, dy_i);
        load_pack<N>(call.weight + i * N, weight);
        if (call.accumulate) load_pack<N>(dx + i * N, before);
        for (int k = 0; k < N; ++k) x_i[k] *= rstd;
        if (sums) add_products(dy_i, x_i, sums + i * N);
        for (int k = 0; k < N; ++k) {
          const Acc scale = weight[k] + static_cast<Acc>(call.offset);
          const Acc gradient = rstd * (dy_i[k] * scale - x_i[k] * projection);
          dy_i[k] = call.accumulate ? gradient + before[k] : gradient;
        }
        store_pack<N>(dx + i * N, dy_i);
      }
    });
  }

  // As a pack: single words of neighbouring threads would lie N apart, in a few banks of shared memory.
  ROPEWAY_TEAM_BODY void add_products(const Acc (&dy)[N], const Acc (&normed)[N], Acc* sums) const {
    Acc sum[N];
    load_pack<N>(sums, sum);
    for (int k = 0; k < N; ++k) sum[k] += dy[k] * normed[k];
    store_pack<N>(sums, sum);
  }
};

template <typename T>
bool rows_fit_packs(int n, const T* data, const RowLayout& rows) {
  return fits_packs(n, data, rows.group_stride) && fits_packs(n, data, rows.row_stride);
}

template <typename Launcher, typename Body>
void launch_row_teams(const Launcher& launcher, const char* name, const Body& body, int64_t teams,
                      int threads, int64_t scratch_bytes) {
  if (threads == kWarp) {
    launcher.warps(name, body, teams, scratch_bytes);
  } else {
    launcher.blocks(name, body, teams, threads, scratch_bytes);
  }
}

template <typename T, typename Launcher>
void launch_rms_norm_forward(const Launcher& launcher, const RmsNormForward<T>& call) {
  constexpr int kPack = kPackOf<T>;
  const int threads = rms_norm_tiles<T>(call.rows, call.channels).threads;
  const int64_t most_teams = kMaxBlocks * (threads == kWarp ? ItemTiles::kThreads / kWarp : 1);
  const bool fits = call.channels % kPack == 0 && rows_fit_packs(kPack, call.x, call.x_rows) &&
                    rows_fit_packs(kPack, call.y, call.y_rows) && fits_packs(kPack, call.weight, 0);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launch_row_teams(launcher, "rms_norm_forward", RmsNormForwardRows<T, N>{call},
                     std::min(call.rows, most_teams), threads, 0);
  });
}

template <typename T, typename Launcher>
void launch_rms_norm_backward(const Launcher& launcher, const RmsNormBackward<T>& call,
                              accumulation_t<T>* workspace) {
  constexpr const char* kName = "rms_norm_backward";
  constexpr int kPack = kPackOf<T>;
  const RmsNormTiles tiles = rms_norm_tiles<T>(call.rows, call.channels);
  const int64_t scratch_bytes =
      call.grad_weight ? call.channels * static_cast<int64_t>(sizeof(accumulation_t<T>)) : 0;
  const bool fits = call.channels % kPack == 0 && rows_fit_packs(kPack, call.x, call.x_rows) &&
                    rows_fit_packs(kPack, call.dy, call.dy_rows) &&
                    rows_fit_packs(kPack, call.dx, call.dx_rows) && fits_packs(kPack, call.weight, 0) &&
                    fits_packs(kPack, workspace, 0);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launch_row_teams(launcher, kName, RmsNormBackwardRows<T, N>{call, tiles, workspace}, tiles.count,
                     tiles.threads, scratch_bytes);
  });
  if (call.grad_weight) {
    add_column_sums(launcher, kName, workspace, tiles.count, call.channels, call.grad_weight);
  }
}

}  // namespace ropeway
