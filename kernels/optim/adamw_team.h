// AdamW and the sum of squares as team kernels (base/team.h).
#pragma once

#include <type_traits>

#include "kernels/base/column_sums.h"
#include "kernels/base/team.h"
#include "kernels/base/visit_packs.h"
#include "kernels/optim/adamw_cuda.h"
#include "kernels/optim/adamw_element.h"

namespace ropeway {

template <typename T, typename Acc, typename M, int N>
struct AdamWPacks {
  AdamWArrays<T, Acc, M> arrays;  // weight null: it is master
  AdamWCoefficients<Acc> k;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for_each_pack<N>(team, arrays.count, [&](auto width, int64_t i) {
      constexpr int n = decltype(width)::value;
      Acc master[n], gradient[n], moment1[n], moment2[n];
      load_pack<n>(arrays.master + i, master);
      load_pack<n>(arrays.gradient + i, gradient);
      load_pack<n>(arrays.moment1 + i, moment1);
      load_pack<n>(arrays.moment2 + i, moment2);
      for (int j = 0; j < n; ++j) {
        adamw_element(master[j], moment1[j], moment2[j], gradient[j], k);
      }
      store_pack<n>(arrays.master + i, master);
      store_pack<n>(arrays.moment1 + i, moment1);
      store_pack<n>(arrays.moment2 + i, moment2);
      if (arrays.weight) store_pack<n>(arrays.weight + i, master);
    });
  }
};

template <typename T, typename Acc, typename M, typename Launcher>
void launch_adamw(const Launcher& launcher, AdamWArrays<T, Acc, M> arrays, const AdamWStep& step) {
  const auto k = adamw_coefficients<Acc>(step);
  if (static_cast<const void*>(arrays.weight) == arrays.master) arrays.weight = nullptr;
  constexpr int kPack = kPackOf<Acc>;
  const bool fits = fits_packs(kPack, arrays.master, 0) && fits_packs(kPack, arrays.gradient, 0) &&
                    fits_packs(kPack, arrays.moment1, 0) && fits_packs(kPack, arrays.moment2, 0) &&
                    fits_packs(kPack, arrays.weight, 0);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launcher.blocks("adamw", AdamWPacks<T, Acc, M, N>{arrays, k},
                    blocks_for_packs((arrays.count + N - 1) / N), ItemTiles::kThreads, 0);
  });
}

// The teams take the packs in turn.
template <typename T, int N>
struct SumOfSquaresTiles {
  const T* values;
  int64_t count;
  double* partials;  // one per team

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    typename Team::template PerThread<double> sums;
    const int64_t packs = count / N, step = team.count() * team.size();
    team.each([&](int thread) {
      const int64_t first = team.index() * team.size() + thread;
      double sum = 0;
      const auto add = [&sum]<int n>(int64_t, const accumulation_t<T>(&x)[n]) {
        for (int j = 0; j < n; ++j) sum += static_cast<double>(x[j]) * static_cast<double>(x[j]);
      };
      visit_packs<N, 4>(values, first, packs, step, add);
      if constexpr (N > 1) visit_packs<1, 1>(values + packs * N, first, count - packs * N, step, add);
      sums[thread] = sum;
    });
    const double total = team.reduce(sums, Add{});
    team.each([&](int thread) {
      if (thread == 0) partials[team.index()] = total;
    });
  }
};

template <typename T, typename Launcher>
void launch_sum_of_squares(const Launcher& launcher, const T* values, int64_t count, double* workspace,
                           double* result) {
  constexpr const char* kName = "sum_of_squares";
  constexpr int kPack = kPackOf<T>;
  const int64_t blocks = std::min(blocks_for_packs((count + kPack - 1) / kPack), cuda::kSumOfSquaresTiles);
  const bool fits = fits_packs(kPack, values, 0);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launcher.blocks(kName, SumOfSquaresTiles<T, N>{values, count, workspace}, blocks, ItemTiles::kThreads, 0);
  });
  add_column_sums(launcher, kName, workspace, blocks, int64_t{1}, result);
}

}  // namespace ropeway
