// One element of AdamW: the maths shared by all devices.
#pragma once

#include <cmath>

#include "kernels/base/host_device.h"
#include "kernels/optim/adamw.h"

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
AdamWCoefficients<Acc> adamw_coefficients(const AdamWStep& s) {
  const double correction1 = 1.0 - std::pow(s.beta1, static_cast<double>(s.step));
  const double correction2 = 1.0 - std::pow(s.beta2, static_cast<double>(s.step));
  AdamWCoefficients<Acc> k;
  k.beta1 = static_cast<Acc>(s.beta1);
  k.beta2 = static_cast<Acc>(s.beta2);
  k.one_minus_beta1 = static_cast<Acc>(1.0 - s.beta1);
  k.one_minus_beta2 = static_cast<Acc>(1.0 - s.beta2);
  k.decay = static_cast<Acc>(1.0 - s.learning_rate * s.weight_decay);
  k.step_size = static_cast<Acc>(s.learning_rate / correction1);
  k.inverse_root_correction2 = static_cast<Acc>(1.0 / std::sqrt(correction2));
  k.eps = static_cast<Acc>(s.eps);
  k.gradient_scale = static_cast<Acc>(s.gradient_scale);
  return k;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void adamw_element(Acc& master, Acc& moment1, Acc& moment2, Acc gradient,
                                       const AdamWCoefficients<Acc>& k) {
  const Acc g = gradient * k.gradient_scale;
  moment1 = k.beta1 * moment1 + k.one_minus_beta1 * g;
  moment2 = k.beta2 * moment2 + k.one_minus_beta2 * g * g;
  const Acc denominator = std::sqrt(moment2) * k.inverse_root_correction2 + k.eps;
  master = master * k.decay - k.step_size * moment1 / denominator;
}

}  // namespace ropeway
