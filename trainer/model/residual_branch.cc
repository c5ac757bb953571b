#include "trainer/model/residual_branch.h"

#include <ATen/ops/add.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/norm_ops.h"
#include "trainer/model/linear.h"

namespace ropeway {

ResidualBranch::ResidualBranch(const ModelConfig& config) : config_(config) {}

bool ResidualBranch::is_plain(const Weights& weights) const {
  return !weights.norm.defined() && config_.residual_multiplier == 1;
}

void ResidualBranch::forward(const at::Tensor& x, const at::Tensor& in, const Weights& weights,
                             const at::Tensor& y) {
  if (is_plain(weights)) return linear_plus(x, in, weights.matrix, weights.bias, y);
  const at::Tensor branch = branch_.shaped(x.sizes(), x.options());
  linear(in, weights.matrix, weights.bias, branch);
  if (weights.norm.defined()) {
    const auto acc = x.options().dtype(ops::accumulation_type(x.scalar_type()));
    ops::rms_norm(branch, weights.norm, config_.rms_norm_eps, branch, rstd_.shaped({x.size(0)}, acc),
                  config_.norm_offset());
  }
  at::Tensor out = y;
  at::add_out(out, x, branch, config_.residual_multiplier);
}

at::Tensor ResidualBranch::backward(const at::Tensor& d_y, const at::Tensor& in, const Weights& weights,
                                    const at::Tensor& grad_norm) {
  if (is_plain(weights)) return d_y;
  const at::Tensor d_branch = d_branch_.shaped(d_y.sizes(), d_y.options());
  if (!weights.norm.defined()) return d_branch.copy_(d_y).mul_(config_.residual_multiplier);
  const auto acc = d_y.options().dtype(ops::accumulation_type(d_y.scalar_type()));
  const at::Tensor branch = branch_.shaped(d_y.sizes(), d_y.options());
  const at::Tensor rstd = rstd_.shaped({d_y.size(0)}, acc);
  linear(in, weights.matrix, weights.bias, branch);
  // Only its statistics are wanted: the result lies where the gradient comes.
  ops::rms_norm(branch, weights.norm, config_.rms_norm_eps, d_branch, rstd, config_.norm_offset());
  d_branch.copy_(d_y);
  if (config_.residual_multiplier != 1) d_branch.mul_(config_.residual_multiplier);
  ops::rms_norm_backward({.dy = d_branch,
                          .x = branch,
                          .weight = weights.norm,
                          .rstd = rstd,
                          .dx = d_branch,
                          .grad_weight = grad_norm,
                          .offset = config_.norm_offset()});
  return d_branch;
}

}  // namespace ropeway
