#include "trainer/model/experts.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/mlp_ops.h"
#include "trainer/model/head_views.h"
#include "trainer/model/linear.h"

namespace ropeway {
namespace {

// The tokens that chose an expert, and the place of it among their k.
struct Chosen {
  at::Tensor tokens, places;  // [M] int64
  int64_t count() const { return tokens.size(0); }
};
Chosen chosen_by(const at::Tensor& chosen, int64_t expert) {
  const at::Tensor found = chosen.eq(expert).nonzero();
  return {found.select(1, 0), found.select(1, 1)};
}

// Of shares [T, k]: one for each of these tokens, [M].
at::Tensor shares_of(const at::Tensor& shares, const Chosen& by) {
  return shares.index_select(0, by.tokens).gather(1, by.places.unsqueeze(1)).squeeze(1);
}

}  // namespace

Experts::Experts(const ModelConfig& config) : config_(config) {}

at::Tensor Experts::gate_up_of(const at::Tensor& experts, int64_t index) const {
  const int64_t c = config_.hidden_size, rows = 2 * config_.intermediate_size;
  return experts.select(0, index).narrow(0, 0, rows * c).view({rows, c});
}
at::Tensor Experts::down_of(const at::Tensor& experts, int64_t index) const {
  const int64_t c = config_.hidden_size, i = config_.intermediate_size;
  return experts.select(0, index).narrow(0, 2 * i * c, c * i).view({c, i});
}

Experts::Routing Experts::route(const at::Tensor& in, const at::Tensor& router) const {
  const at::Tensor logits = at::empty({in.size(0), config_.num_experts}, in.options());
  linear(in, router, {}, logits);
  Routing routing;
  routing.probabilities = logits.to(ops::accumulation_type(in.scalar_type())).softmax(1);
  std::tie(routing.top, routing.chosen) = routing.probabilities.topk(config_.experts_per_token, 1);
  routing.sums = routing.top.sum(at::IntArrayRef{1}, true);
  routing.shares = config_.normalized_experts ? routing.top.div(routing.sums) : routing.top;
  return routing;
}

at::Tensor Experts::forward(const at::Tensor& in, const Weights& weights) const {
  const Routing routing = route(in, weights.router);
  const at::Tensor y = at::zeros(in.sizes(), in.options());
  for (int64_t e = 0; e < config_.num_experts; ++e) {
    const Chosen by = chosen_by(routing.chosen, e);
    if (by.count() == 0) continue;
    const at::Tensor x = in.index_select(0, by.tokens);
    const at::Tensor gate_up = at::empty({by.count(), 2 * config_.intermediate_size}, in.options());
    const at::Tensor hidden = at::empty({by.count(), config_.intermediate_size}, in.options());
    const at::Tensor out = at::empty(x.sizes(), in.options());
    linear(x, gate_up_of(weights.experts, e), {}, gate_up);
    ops::swiglu(gate_up, hidden, gate_activation(config_));
    linear(hidden, down_of(weights.experts, e), {}, out);
    y.index_add_(0, by.tokens, out.mul(shares_of(routing.shares, by).unsqueeze(1)).to(out.scalar_type()));
  }
  return y;
}

// d loss / d logits [T, E] of the router. The chosen probabilities are differentiated, the choice is not.
at::Tensor Experts::router_gradient(const Routing& routing, const at::Tensor& d_shares) const {
  at::Tensor d_top = d_shares;
  if (config_.normalized_experts) {
    const at::Tensor mean = d_shares.mul(routing.shares).sum(at::IntArrayRef{1}, true);
    d_top = d_shares.sub(mean).div(routing.sums);
  }
  const at::Tensor& p = routing.probabilities;
  const at::Tensor d_p = at::zeros_like(p).scatter_(1, routing.chosen, d_top);
  return p.mul(d_p.sub(d_p.mul(p).sum(at::IntArrayRef{1}, true)));
}

void Experts::backward(const at::Tensor& in, const at::Tensor& d_y, const Weights& weights,
                       const Weights& gradients, const at::Tensor& d_in) const {
  const Routing routing = route(in, weights.router);
  const at::Tensor d_shares = at::zeros_like(routing.shares);
  const bool wanted = gradients.experts.defined();
  d_in.zero_();
  for (int64_t e = 0; e < config_.num_experts; ++e) {
    const Chosen by = chosen_by(routing.chosen, e);
    if (by.count() == 0) continue;
    const at::Tensor x = in.index_select(0, by.tokens), d_out = d_y.index_select(0, by.tokens);
    const at::Tensor gate_up_matrix = gate_up_of(weights.experts, e), down = down_of(weights.experts, e);
    const at::Tensor gate_up = at::empty({by.count(), 2 * config_.intermediate_size}, in.options());
    const at::Tensor hidden = at::empty({by.count(), config_.intermediate_size}, in.options());
    const at::Tensor out = at::empty(x.sizes(), in.options());
    linear(x, gate_up_matrix, {}, gate_up);
    ops::swiglu(gate_up, hidden, gate_activation(config_));
    linear(hidden, down, {}, out);
    const at::ScalarType acc = d_shares.scalar_type();
    const at::Tensor d_share = d_out.to(acc).mul(out.to(acc)).sum(1);
    d_shares.index_put_({by.tokens, by.places}, d_share);
    const at::Tensor d_product = d_out.mul(shares_of(routing.shares, by).unsqueeze(1)).to(in.scalar_type());
    if (wanted) linear_weight_gradient(d_product, hidden, down_of(gradients.experts, e));
    const at::Tensor d_hidden = at::empty(hidden.sizes(), in.options());
    linear_input_gradient(d_product, down, d_hidden);
    ops::swiglu_backward(d_hidden, gate_up, gate_up, gate_activation(config_));
    if (wanted) linear_weight_gradient(gate_up, x, gate_up_of(gradients.experts, e));
    linear_input_gradient(gate_up, gate_up_matrix, out);
    d_in.index_add_(0, by.tokens, out);
  }
  const at::Tensor d_logits = router_gradient(routing, d_shares).to(in.scalar_type());
  linear_weight_gradient(d_logits, in, gradients.router);
  ops::matmul_add(d_logits, weights.router, d_in);
}

}  // namespace ropeway
