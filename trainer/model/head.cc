#include "trainer/model/head.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/loss_ops.h"
#include "kernels/ops/norm_ops.h"
#include "parallel/comm/stop_point.h"
#include "trainer/model/tiles.h"

namespace ropeway {
namespace {

at::TensorOptions acc_options(const at::Tensor& x) {
  return x.options().dtype(ops::accumulation_type(x.scalar_type()));
}

at::Tensor rows(const at::Tensor& tensor, const Tile& tile) {
  return tensor.defined() ? tensor.narrow(0, tile.begin, tile.count) : tensor;
}

at::Tensor weighted_sum(const at::Tensor& nll, const at::Tensor& weights) {
  if (!weights.defined()) return nll.sum(at::kDouble);
  return nll.to(at::kDouble).dot(weights.to(at::kDouble));
}

}  // namespace

Head::Head(const ModelConfig& config, int64_t tile_tokens, int64_t loss_tile_tokens)
    : config_(config),
      form_{config.logit_divisor, config.logit_softcap},
      tile_tokens_(tile_tokens),
      loss_tile_tokens_(loss_tile_tokens) {}

at::Tensor Head::norm(const UnitTensors& weights, const at::Tensor& x_tile) {
  const at::Tensor normed = normed_.shaped(x_tile.sizes(), x_tile.options());
  ops::rms_norm(x_tile, weights.final_norm, config_.rms_norm_eps, normed,
                rstd_.shaped({x_tile.size(0)}, acc_options(x_tile)), config_.norm_offset());
  return normed;
}

at::Tensor Head::logits(const UnitTensors& weights, const at::Tensor& x) {
  return ops::linear_logits(norm(weights, x), weights.head, form_);
}

Head::Scores Head::score(const UnitTensors& weights, const at::Tensor& x, const at::Tensor& labels) {
  const int64_t tokens = x.size(0);
  const auto acc = acc_options(x);
  const Scores scores{at::empty({tokens}, acc), at::empty({tokens}, acc.dtype(at::kBool))};
  for (const Tile& tile : tiles_of({1, tokens}, tile_tokens_)) {
    stop_point();
    const ops::CrossEntropyOutput scored = ops::linear_cross_entropy(
        norm(weights, rows(x, tile)), weights.head, rows(labels, tile), loss_tile_tokens_, form_);
    rows(scores.nll, tile).copy_(scored.nll);
    rows(scores.correct, tile).copy_(scored.correct);
  }
  return scores;
}

at::Tensor Head::backward(const UnitTensors& weights, const UnitTensors& gradients, const Targets& targets,
                          const at::Tensor& x) {
  const auto options = x.options();
  const int64_t c = config_.hidden_size;
  const at::Tensor sum = at::zeros({}, options.dtype(at::kDouble));
  for (const Tile& tile : tiles_of({1, x.size(0)}, tile_tokens_)) {
    stop_point();
    const at::Tensor normed = normed_.shaped({tile.count, c}, options);
    const at::Tensor d_normed = d_normed_.shaped({tile.count, c}, options);
    const at::Tensor x_tile = x_.shaped({tile.count, c}, options);
    const at::Tensor rstd = rstd_.shaped({tile.count}, acc_options(x));
    x_tile.copy_(rows(x, tile));
    ops::rms_norm(x_tile, weights.final_norm, config_.rms_norm_eps, normed, rstd, config_.norm_offset());
    const ops::CrossEntropyOutput scored =
        ops::linear_cross_entropy_backward({.hidden = normed,
                                            .head = weights.head,
                                            .labels = rows(targets.labels, tile),
                                            .weights = rows(targets.weights, tile),
                                            .scale = targets.scale,
                                            .tile_tokens = loss_tile_tokens_,
                                            .d_hidden = d_normed,
                                            .grad_head = gradients.head,
                                            .form = form_});
    sum.add_(weighted_sum(scored.nll, rows(targets.weights, tile)));
    ops::rms_norm_backward({.dy = d_normed,
                            .x = x_tile,
                            .weight = weights.final_norm,
                            .rstd = rstd,
                            .dx = rows(x, tile),
                            .grad_weight = gradients.final_norm,
                            .offset = config_.norm_offset()});
  }
  return sum;
}

}  // namespace ropeway
