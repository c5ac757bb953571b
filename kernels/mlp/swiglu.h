// SwiGLU (Shazeer, "GLU variants improve transformer", 2020) between the two matrix products of the
// feed-forward layer:
//   out = silu(gate) * up,  silu(g) = g / (1 + exp(-g)).
// gate and up are the two halves of a row of 2*width elements. Element types: double, float, bfloat16;
// computed in acc type (double for double, else float).
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

// gate_up: rows of 2*width contiguous elements, gate_up_stride apart; out: rows of width, out_stride apart.
template <typename T>
void swiglu_forward(const T* gate_up, int64_t gate_up_stride, int64_t rows, int64_t width, T* out,
                    int64_t out_stride);

// d_gate_up: rows of 2*width, written; may be gate_up itself.
template <typename T>
void swiglu_backward(const T* d_out, int64_t d_out_stride, const T* gate_up, int64_t gate_up_stride,
                     int64_t rows, int64_t width, T* d_gate_up, int64_t d_gate_up_stride);

}  // namespace ropeway
