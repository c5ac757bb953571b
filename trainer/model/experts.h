// An MLP that is a choice of experts, as in Mixtral (Jiang et al., 2024) and Qwen3-MoE:
//   p = softmax(x Wr^T)                                       in acc type
//   w = the k largest of p, divided by their sum where the model says so
//   y = sum over these k experts of w_e * (f(x Wgate_e^T) * (x Wup_e^T)) Wdown_e^T
// The experts are a plain loop, each over the tokens that chose it.
//
// T tokens of a tile, C hidden size, E experts, I intermediate size of one.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/family/model_config.h"

namespace ropeway {

class Experts {
 public:
  explicit Experts(const ModelConfig& config);

  struct Weights {
    at::Tensor router;   // [E, C]
    at::Tensor experts;  // [E, 3 * I * C]: gate and up [2 * I, C], then down [C, I]
  };
  // in [T, C]. Returns y [T, C].
  at::Tensor forward(const at::Tensor& in, const Weights& weights) const;
  // d_y [T, C]. Adds to the gradients, acc type, unless they are undefined. Writes d_in [T, C].
  void backward(const at::Tensor& in, const at::Tensor& d_y, const Weights& weights, const Weights& gradients,
                const at::Tensor& d_in) const;

 private:
  struct Routing {
    at::Tensor probabilities;      // [T, E] acc type
    at::Tensor chosen;             // [T, k] int64
    at::Tensor top, sums, shares;  // [T, k], [T, 1], [T, k] acc type: shares is w
  };
  Routing route(const at::Tensor& in, const at::Tensor& router) const;
  at::Tensor router_gradient(const Routing& routing, const at::Tensor& d_shares) const;
  at::Tensor gate_up_of(const at::Tensor& experts, int64_t index) const;
  at::Tensor down_of(const at::Tensor& experts, int64_t index) const;

  const ModelConfig config_;
};

}  // namespace ropeway
