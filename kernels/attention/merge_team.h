// Merge of partial attention results as a team kernel (base/team.h): a warp takes the heads of
// a token in turn.
#pragma once

#include <type_traits>

#include "kernels/attention/merge.h"
#include "kernels/attention/merge_weights.h"
#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"

namespace ropeway {

template <typename T, int N>
struct MergeTokens {
  using Acc = accumulation_t<T>;
  AttentionMerge<T> call;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for (int64_t token = team.index(); token < call.batch * call.tokens; token += team.count()) {
      const int64_t b = token / call.tokens, n = token - b * call.tokens;
      for (int64_t h = 0; h < call.heads; ++h) merge_head(team, b, h, n);
    }
  }

  template <typename Team>
  ROPEWAY_TEAM_BODY void merge_head(Team& team, int64_t b, int64_t h, int64_t n) const {
    Acc* const lse = call.lse_acc + call.lse_acc_strides.offset(b, h, n);
    Acc* const out = call.out_acc + call.out_acc_strides.offset(b, h, n);
    const T* const block = call.out_block + call.out_block_strides.offset(b, h, n);
    typename Team::template PerThread<Loaded> loaded;
    team.each([&](int thread) {
      Loaded& mine = loaded[thread];
      const int64_t d = int64_t{thread} * N;
      if (d < call.head_dim) {  // in flight while the weights are computed
        load_pack<N>(block + d, mine.added);
        load_pack<N>(out + d, mine.running);
      }
      mine.weights = merge_weights(*lse, call.lse_block[call.lse_block_strides.offset(b, h, n)]);
    });
    team.sync();  // everybody has read what thread 0 overwrites
    team.each([&](int thread) {
      Loaded& mine = loaded[thread];
      if (thread == 0) *lse = mine.weights.lse;
      if (mine.weights.weight_b == 0) return;
      int64_t d = int64_t{thread} * N;
      if (d < call.head_dim) merge_pack(mine, out + d);
      ROPEWAY_ROLLED
      for (d += team.size() * N; d < call.head_dim; d += team.size() * N) {
        load_pack<N>(block + d, mine.added);
        load_pack<N>(out + d, mine.running);
        merge_pack(mine, out + d);
      }
    });
  }

  struct Loaded {
    MergeWeights<Acc> weights;
    Acc running[N], added[N];
  };

  ROPEWAY_TEAM_BODY void merge_pack(const Loaded& loaded, Acc* out) const {
    const MergeWeights<Acc>& w = loaded.weights;
    Acc merged[N];
    for (int k = 0; k < N; ++k) {
      // A side of weight 0 may hold anything, NaN included: it must not be multiplied.
      merged[k] =
          w.weight_a == 0 ? loaded.added[k] : loaded.running[k] * w.weight_a + loaded.added[k] * w.weight_b;
    }
    store_pack<N>(out, merged);
  }
};

template <typename T>
bool rows_fit_packs(int n, const T* data, const RowStrides& strides) {
  return fits_packs(n, data, strides.batch) && fits_packs(n, data, strides.head) &&
         fits_packs(n, data, strides.token);
}

template <typename T, typename Launcher>
void launch_merge_attention(const Launcher& launcher, const AttentionMerge<T>& call) {
  constexpr int kWarpsPerBlock = ItemTiles::kThreads / kWarp;
  const int64_t warps = std::min(call.batch * call.tokens, kMaxBlocks * kWarpsPerBlock);
  constexpr int kPack = kPackOf<accumulation_t<T>>;
  const bool fits = call.head_dim % kPack == 0 && rows_fit_packs(kPack, call.out_acc, call.out_acc_strides) &&
                    rows_fit_packs(kPack, call.out_block, call.out_block_strides);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launcher.warps("merge_attention", MergeTokens<T, N>{call}, warps, 0);
  });
}

}  // namespace ropeway
