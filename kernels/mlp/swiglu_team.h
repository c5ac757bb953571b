// SwiGLU as team kernels (base/team.h). An item is N neighbouring columns; a row is a token.
#pragma once

#include <type_traits>

#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"
#include "kernels/mlp/swiglu.h"
#include "kernels/mlp/swiglu_element.h"

namespace ropeway {

template <typename T, int N, GateActivation activation>
struct SwigluForwardItems {
  SwigluForward<T> call;
  ItemTiles tiles;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for_each_item(team, tiles, [&](int64_t row, int64_t item) {
      const T* const gate_at = row_pointer(call.gate_up, row, call.gate_up_stride) + item * N;
      accumulation_t<T> gate[N], up[N];
      load_pack<N>(gate_at, gate);
      load_pack<N>(gate_at + call.width, up);
      for (int k = 0; k < N; ++k) gate[k] = gated_value<activation>(gate[k], up[k]);
      store_pack<N>(row_pointer(call.out, row, call.out_stride) + item * N, gate);
    });
  }
};

template <typename T, int N, GateActivation activation>
struct SwigluBackwardItems {
  SwigluBackward<T> call;
  ItemTiles tiles;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for_each_item(team, tiles, [&](int64_t row, int64_t item) {
      const T* const gate_at = row_pointer(call.gate_up, row, call.gate_up_stride) + item * N;
      T* const d_gate_at = row_pointer(call.d_gate_up, row, call.d_gate_up_stride) + item * N;
      accumulation_t<T> gate[N], up[N], d_out[N], d_gate[N], d_up[N];
      load_pack<N>(gate_at, gate);
      load_pack<N>(gate_at + call.width, up);
      load_pack<N>(row_pointer(call.d_out, row, call.d_out_stride) + item * N, d_out);
      for (int k = 0; k < N; ++k) {
        gated_gradient<activation>(d_out[k], gate[k], up[k], d_gate[k], d_up[k]);
      }
      store_pack<N>(d_gate_at, d_gate);
      store_pack<N>(d_gate_at + call.width, d_up);
    });
  }
};

template <typename T, typename Launcher>
void launch_swiglu_forward(const Launcher& launcher, const SwigluForward<T>& call) {
  constexpr int kPack = kPackOf<T>;
  const bool fits = call.width % kPack == 0 && fits_packs(kPack, call.gate_up, call.gate_up_stride) &&
                    fits_packs(kPack, call.out, call.out_stride);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    with_activation(
        call.activation, [&]<GateActivation activation>(std::integral_constant<GateActivation, activation>) {
          launch_items(launcher, "swiglu_forward",
                       SwigluForwardItems<T, N, activation>{call, ItemTiles(call.rows, call.width / N)});
        });
  });
}

template <typename T, typename Launcher>
void launch_swiglu_backward(const Launcher& launcher, const SwigluBackward<T>& call) {
  constexpr int kPack = kPackOf<T>;
  const bool fits = call.width % kPack == 0 && fits_packs(kPack, call.gate_up, call.gate_up_stride) &&
                    fits_packs(kPack, call.d_out, call.d_out_stride) &&
                    fits_packs(kPack, call.d_gate_up, call.d_gate_up_stride);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    with_activation(
        call.activation, [&]<GateActivation activation>(std::integral_constant<GateActivation, activation>) {
          launch_items(launcher, "swiglu_backward",
                       SwigluBackwardItems<T, N, activation>{call, ItemTiles(call.rows, call.width / N)});
        });
  });
}

}  // namespace ropeway
