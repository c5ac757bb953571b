// SwiGLU and GeGLU (Shazeer, "GLU variants improve transformer", 2020) between the two matrix products of the
// feed-forward layer:
//   out = f(gate) * up
//   silu(g) = g / (1 + exp(-g))
//   gelu(g) = g / 2 * (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3)))
// gate and up are the two halves of a row of 2*width elements. Element types: double, float, bfloat16;
// computed in acc type (double for double, else float).
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

enum class GateActivation { kSilu, kGeluTanh };

// Rows are contiguous, their strides in elements.
template <typename T>
struct SwigluForward {
  const T* gate_up = nullptr;  // [rows, 2*width]
  int64_t gate_up_stride = 0;
  int64_t rows = 0, width = 0;
  T* out = nullptr;  // [rows, width], written
  int64_t out_stride = 0;
  GateActivation activation = GateActivation::kSilu;
};
template <typename T>
void swiglu_forward(const SwigluForward<T>& call);

template <typename T>
struct SwigluBackward {
  const T* d_out = nullptr;  // [rows, width]
  int64_t d_out_stride = 0;
  const T* gate_up = nullptr;  // [rows, 2*width]
  int64_t gate_up_stride = 0;
  int64_t rows = 0, width = 0;
  T* d_gate_up = nullptr;  // [rows, 2*width], written; may be gate_up
  int64_t d_gate_up_stride = 0;
  GateActivation activation = GateActivation::kSilu;
};
template <typename T>
void swiglu_backward(const SwigluBackward<T>& call);

}  // namespace ropeway
