// SwiGLU and GeGLU (Shazeer, "GLU variants improve transformer", 2020) on tensors: out = f(gate) * up.
// Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/mlp/swiglu.h"

namespace ropeway::ops {

// gate_up [T, 2*I], gate in the first I columns. Writes out [T, I].
void swiglu(const at::Tensor& gate_up, const at::Tensor& out,
            GateActivation activation = GateActivation::kSilu);
// Writes d_gate_up [T, 2*I], which may be gate_up.
void swiglu_backward(const at::Tensor& d_out, const at::Tensor& gate_up, const at::Tensor& d_gate_up,
                     GateActivation activation = GateActivation::kSilu);

}  // namespace ropeway::ops
