// How what attention and MLP give joins the residual stream:
//   y = x + multiplier * [norm of](in * W^T [+ b])
// Most families have neither norm nor multiplier: then the product is added as it is made, rounded once, and
// nothing here needs memory.
//
// T tokens of a tile, C hidden size, I input width of the projection.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/family/model_config.h"
#include "trainer/model/workspace.h"

namespace ropeway {

class ResidualBranch {
 public:
  explicit ResidualBranch(const ModelConfig& config);

  struct Weights {
    at::Tensor matrix;      // [C, I]
    at::Tensor bias, norm;  // [C], or undefined
  };
  // x, y [T, C], in [T, I].
  void forward(const at::Tensor& x, const at::Tensor& in, const Weights& weights, const at::Tensor& y);
  // d_y [T, C]: d loss / d y, left as it is. Returns d loss / d (in * W^T + b) [T, C], valid until the next
  // call: d_y itself where nothing lies between. Adds to grad_norm [C] unless that is undefined.
  at::Tensor backward(const at::Tensor& d_y, const at::Tensor& in, const Weights& weights,
                      const at::Tensor& grad_norm);

 private:
  bool is_plain(const Weights& weights) const;

  const ModelConfig config_;
  Buffer branch_, d_branch_, rstd_;  // a tile
};

}  // namespace ropeway
