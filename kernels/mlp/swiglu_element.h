// One element of SwiGLU: the maths shared by all devices.
#pragma once

#include <type_traits>

#include "kernels/base/fast_exp.h"
#include "kernels/base/host_device.h"
#include "kernels/mlp/swiglu.h"

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

// (1 + tanh(u)) / 2 = sigmoid(2u): gelu(g) = g * sigmoid(z) with z = 2 sqrt(2 / pi) (g + 0.044715 g^3).
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc gelu_argument(Acc gate) {
  return Acc(1.5957691216057308) * gate * (Acc(1) + Acc(0.044715) * gate * gate);
}
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc geglu_value(Acc gate, Acc up) {
  return gate * sigmoid(gelu_argument(gate)) * up;
}

// gelu'(g) = s * (1 + g * z'(g) * (1 - s)) with s = sigmoid(z(g)).
template <typename Acc>
ROPEWAY_HOST_DEVICE void geglu_gradient(Acc d_out, Acc gate, Acc up, Acc& d_gate, Acc& d_up) {
  const Acc s = sigmoid(gelu_argument(gate));
  const Acc slope = Acc(1.5957691216057308) * (Acc(1) + Acc(3 * 0.044715) * gate * gate);
  d_up = d_out * gate * s;
  d_gate = d_out * up * s * (Acc(1) + gate * slope * (Acc(1) - s));
}

template <GateActivation activation, typename Acc>
ROPEWAY_HOST_DEVICE Acc gated_value(Acc gate, Acc up) {
  if constexpr (activation == GateActivation::kSilu) {
    return swiglu_value(gate, up);
  } else {
    return geglu_value(gate, up);
  }
}
template <GateActivation activation, typename Acc>
ROPEWAY_HOST_DEVICE void gated_gradient(Acc d_out, Acc gate, Acc up, Acc& d_gate, Acc& d_up) {
  if constexpr (activation == GateActivation::kSilu) {
    swiglu_gradient(d_out, gate, up, d_gate, d_up);
  } else {
    geglu_gradient(d_out, gate, up, d_gate, d_up);
  }
}

// Calls body with the activation as a constant.
template <typename Body>
void with_activation(GateActivation activation, const Body& body) {
  if (activation == GateActivation::kSilu) {
    body(std::integral_constant<GateActivation, GateActivation::kSilu>{});
  } else {
    body(std::integral_constant<GateActivation, GateActivation::kGeluTanh>{});
  }
}

}  // namespace ropeway
