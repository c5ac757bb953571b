// One element of AdamW: the maths shared by all devices.
#pragma once

#include <cmath>

#include "kernels/base/host_device.h"

namespace ropeway {

// Everything of a step that is the same for all elements, worked out in double and rounded once.
template <typename Acc>
struct AdamWCoefficients {
  Acc beta1, beta2, one_minus_beta1, one_minus_beta2;
  Acc decay;                     // 1 - learning_rate * weight_decay
  Acc step_size;                 // learning_rate / (1 - beta1^t)
  Acc inverse_root_correction2;  // 1 / sqrt(1 - beta2^t)
  Acc eps, gradient_scale;
};

template <typename Acc>
ROPEWAY_HOST_DEVICE void adamw_element(Acc& master, Acc& moment1, Acc& moment2, Acc gradient, Acc decay,
                                       const AdamWCoefficients<Acc>& k) {
  const Acc g = gradient * k.gradient_scale;
  moment1 = k.beta1 * moment1 + k.one_minus_beta1 * g;
  moment2 = k.beta2 * moment2 + k.one_minus_beta2 * g * g;
  const Acc denominator = std::sqrt(moment2) * k.inverse_root_correction2 + k.eps;
  master = master * decay - k.step_size * moment1 / denominator;
}

}  // namespace ropeway
