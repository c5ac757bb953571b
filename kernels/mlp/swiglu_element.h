// One element of SwiGLU: the maths shared by all devices.
#pragma once

#include "kernels/base/fast_exp.h"
#include "kernels/base/host_device.h"

namespace ropeway {

template <typename Acc>
ROPEWAY_HOST_DEVICE Acc swiglu_value(Acc gate, Acc up) {
  return gate * sigmoid(gate) * up;
}

// silu'(g) = s * (1 + g * (1 - s)) with s = sigmoid(g).
template <typename Acc>
ROPEWAY_HOST_DEVICE void swiglu_gradient(Acc d_out, Acc gate, Acc up, Acc& d_gate, Acc& d_up) {
  const Acc s = sigmoid(gate);
  d_up = d_out * gate * s;
  d_gate = d_out * up * s * (Acc(1) + gate * (Acc(1) - s));
}

}  // namespace ropeway
