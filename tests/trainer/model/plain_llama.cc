#include "tests/trainer/model/plain_llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

namespace ropeway::testing {

namespace {

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * (x.pow(2).mean(-1, true) + eps).rsqrt() * weight;
}

}  // namespace

PlainLlama::PlainLlama(const ModelConfig& config, const std::map<std::string, at::Tensor>& weights,
                       const FactorSet& factors)
    : config_(config), set_(factors) {
  for (const auto& [name, tensor] : weights) weights_[name] = tensor.clone().set_requires_grad(true);
  log_factors_ =
      at::tensor(factors.factors, at::kDouble).log().view({-1, rotary_dim() / 2}).set_requires_grad(true);
  log_temperature_ =
      at::full({}, std::log(factors.attention_temperature), at::kDouble).set_requires_grad(true);
}

int64_t PlainLlama::rotary_dim() const {
  return config_.rotary_dim > 0 ? config_.rotary_dim : config_.head_dim;
}

const at::Tensor& PlainLlama::weight(int64_t layer, const std::string& part) const {
  return weights_.at("model.layers." + std::to_string(layer) + "." + part + ".weight");
}

at::Tensor PlainLlama::project(int64_t layer, const std::string& part, const at::Tensor& in) const {
  const at::Tensor out = in.matmul(weight(layer, part).t());
  const auto bias = weights_.find("model.layers." + std::to_string(layer) + "." + part + ".bias");
  return bias == weights_.end() ? out : out + bias->second;
}

at::Tensor PlainLlama::rotate(const at::Tensor& x, int64_t layer) const {
  const int64_t half = rotary_dim() / 2, length = x.size(2);
  const at::Tensor n = at::arange(length, at::kDouble).unsqueeze(1);
  const at::Tensor omega = (at::arange(half, at::kDouble) * (-2.0 / static_cast<double>(rotary_dim())) *
                            std::log(config_.rope_theta))
                               .exp();
  const at::Tensor row = log_factors_.select(0, log_factors_.size(0) > 1 ? layer : 0);
  const at::Tensor scaled = (n >= static_cast<double>(set_.start_tokens));
  const at::Tensor angle = at::where(scaled, n * omega * (-row).exp(), n * omega);
  const at::Tensor m = at::where(scaled, log_temperature_.exp(), at::ones({}, at::kDouble));
  const at::Tensor cos = (angle.cos() * m).to(x.scalar_type()), sin = (angle.sin() * m).to(x.scalar_type());
  const at::Tensor x1 = x.narrow(-1, 0, half), x2 = x.narrow(-1, half, half);
  const at::Tensor passed = x.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  return at::cat({x1 * cos - x2 * sin, x2 * cos + x1 * sin, passed}, -1);
}

at::Tensor PlainLlama::block(int64_t layer, const at::Tensor& x) const {
  const int64_t batch = x.size(0), length = x.size(1), d = config_.head_dim;
  const int64_t h = config_.num_heads, kv = config_.num_kv_heads, inner = config_.intermediate_size;
  const bool fused = config_.model_type == "phi3";
  const at::Tensor a = norm(x, weight(layer, "input_layernorm"), config_.rms_norm_eps);
  const at::Tensor qkv =
      fused ? project(layer, "self_attn.qkv_proj", a)
            : at::cat({project(layer, "self_attn.q_proj", a), project(layer, "self_attn.k_proj", a),
                       project(layer, "self_attn.v_proj", a)},
                      -1);
  const auto heads = [&](int64_t first, int64_t count) {
    return qkv.narrow(-1, first * d, count * d).view({batch, length, count, d}).transpose(1, 2);
  };
  const auto turned = [&](at::Tensor x_heads, const char* norm_name) {
    if (config_.qk_norm) x_heads = norm(x_heads, weight(layer, norm_name), config_.rms_norm_eps);
    return rotate(x_heads, layer);
  };
  const at::Tensor q = turned(heads(0, h), "self_attn.q_norm");
  const at::Tensor k = turned(heads(h, kv), "self_attn.k_norm").repeat_interleave(h / kv, 1);
  const at::Tensor v = heads(h + kv, kv).repeat_interleave(h / kv, 1);
  const at::Tensor future = at::ones({length, length}, at::kBool).triu(1);
  const at::Tensor scores = (q.matmul(k.transpose(2, 3)) / std::sqrt(static_cast<double>(d)))
                                .masked_fill(future, -std::numeric_limits<double>::infinity());
  const at::Tensor attended = scores.softmax(-1).matmul(v).transpose(1, 2).reshape({batch, length, -1});
  const at::Tensor middle = x + project(layer, "self_attn.o_proj", attended);
  const at::Tensor b = norm(middle, weight(layer, "post_attention_layernorm"), config_.rms_norm_eps);
  const at::Tensor gate_up =
      fused ? project(layer, "mlp.gate_up_proj", b)
            : at::cat({project(layer, "mlp.gate_proj", b), project(layer, "mlp.up_proj", b)}, -1);
  const at::Tensor gate = gate_up.narrow(-1, 0, inner), up = gate_up.narrow(-1, inner, inner);
  return middle + project(layer, "mlp.down_proj", gate * gate.sigmoid() * up);
}

PlainLlama::Output PlainLlama::run(const at::Tensor& tokens, const at::Tensor& labels,
                                   const at::Tensor& weights, double loss_scale) {
  const at::Tensor& embedding = weights_.at("model.embed_tokens.weight");
  at::Tensor x = embedding.index_select(0, tokens.flatten()).view({tokens.size(0), tokens.size(1), -1});
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) x = block(layer, x);
  x = norm(x, weights_.at("model.norm.weight"), config_.rms_norm_eps);
  const at::Tensor& head = config_.tie_word_embeddings ? embedding : weights_.at("lm_head.weight");
  Output out;
  out.logits = x.matmul(head.t());
  const at::Tensor scored = labels >= 0;
  const at::Tensor log_p = out.logits.log_softmax(-1).gather(2, labels.clamp_min(0).unsqueeze(2)).squeeze(2);
  out.nll = -log_p * scored;
  out.loss = (weights.defined() ? out.nll * weights : out.nll).sum() * loss_scale;
  return out;
}

}  // namespace ropeway::testing
