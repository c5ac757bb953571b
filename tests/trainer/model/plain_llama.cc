#include "tests/trainer/model/plain_llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

#include "trainer/family/families.h"

namespace ropeway::testing {

namespace {

// The gate of an MLP.
at::Tensor activated(const at::Tensor& gate, const ModelConfig& config) {
  if (!config.gelu_gate) return gate * gate.sigmoid();
  const double slope = std::sqrt(2 / std::acos(-1.0));
  return gate * 0.5 * (((gate + gate.pow(3) * 0.044715) * slope).tanh() + 1);
}

}  // namespace

PlainLlama::PlainLlama(const ModelConfig& config, const std::map<std::string, at::Tensor>& weights,
                       const FactorSet& factors, const at::Tensor& positions)
    : config_(config), set_(factors), positions_(positions) {
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

at::Tensor PlainLlama::norm(const at::Tensor& x, const at::Tensor& weight) const {
  const at::Tensor scale = config_.offset_norms ? weight + 1 : weight;
  return x * (x.pow(2).mean(-1, true) + config_.rms_norm_eps).rsqrt() * scale;
}

at::Tensor PlainLlama::rotate(const at::Tensor& x, int64_t layer) const {
  const int64_t half = rotary_dim() / 2, length = x.size(2);
  const at::Tensor n =
      (positions_.defined() ? positions_.to(at::kDouble) : at::arange(length, at::kDouble)).unsqueeze(1);
  const bool local =
      config_.local_rope_theta > 0 && (config_.sliding_layers.empty() || config_.sliding_layers[layer]);
  const double theta = local ? config_.local_rope_theta : config_.rope_theta;
  const at::Tensor omega =
      (at::arange(half, at::kDouble) * (-2.0 / static_cast<double>(rotary_dim())) * std::log(theta)).exp();
  const at::Tensor row = log_factors_.select(0, log_factors_.size(0) > 1 ? layer : 0);
  const at::Tensor scaled = local ? n < 0 : n >= static_cast<double>(set_.start_tokens);
  const at::Tensor angle = at::where(scaled, n * omega * (-row).exp(), n * omega);
  const at::Tensor m = at::where(scaled, log_temperature_.exp(), at::ones({}, at::kDouble));
  const at::Tensor cos = (angle.cos() * m).to(x.scalar_type()), sin = (angle.sin() * m).to(x.scalar_type());
  const at::Tensor passed = x.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  // y1 and y2: the two dims of every pair, turned.
  const auto keep = [&](const at::Tensor& y1, const at::Tensor& y2) {
    y1.retain_grad();
    y2.retain_grad();
    const at::Tensor acts = scaled.to(at::kDouble);
    turned_.push_back({y1, y2, angle.detach() * acts, acts});
  };
  if (config_.interleaved_rope) {
    const at::Tensor pairs = x.narrow(-1, 0, 2 * half).unflatten(-1, {half, 2});
    const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
    const at::Tensor y1 = a * cos - b * sin, y2 = b * cos + a * sin;
    keep(y1, y2);
    return at::cat({at::stack({y1, y2}, -1).flatten(-2), passed}, -1);
  }
  const at::Tensor x1 = x.narrow(-1, 0, half), x2 = x.narrow(-1, half, half);
  const at::Tensor y1 = x1 * cos - x2 * sin, y2 = x2 * cos + x1 * sin;
  keep(y1, y2);
  return at::cat({y1, y2, passed}, -1);
}

// The temperature multiplies y1 and y2; the angle turns them, d y1 = -y2 and d y2 = y1, and falls as the
// factor grows.
PlainLlama::TermNorms PlainLlama::term_norms() const {
  double of_temperature = 0, of_factors = 0;
  const auto squares = [](const at::Tensor& terms) { return terms.square().sum().item<double>(); };
  for (const Turned& turned : turned_) {
    const at::Tensor y1 = turned.y1.detach(), y2 = turned.y2.detach();
    const at::Tensor g1 = turned.y1.grad(), g2 = turned.y2.grad();
    of_temperature += squares(g1 * y1 * turned.scaled) + squares(g2 * y2 * turned.scaled);
    of_factors += squares(g2 * y1 * turned.angle) + squares(g1 * y2 * turned.angle);
  }
  return {std::sqrt(of_factors), std::sqrt(of_temperature)};
}

at::Tensor PlainLlama::block(int64_t layer, const at::Tensor& x) const {
  const int64_t batch = x.size(0), length = x.size(1), d = config_.head_dim;
  const int64_t h = config_.num_heads, kv = config_.num_kv_heads, inner = config_.intermediate_size;
  const bool fused = config_.model_type == "phi3";
  const NormNames& norms = family_of(config_.model_type).norms;
  const auto normed = [&](const at::Tensor& in, std::string_view name) {
    return name.empty() ? in : norm(in, weight(layer, std::string(name)));
  };
  const at::Tensor a = normed(x, norms.attention_in);
  const at::Tensor qkv =
      fused ? project(layer, "self_attn.qkv_proj", a)
            : at::cat({project(layer, "self_attn.q_proj", a), project(layer, "self_attn.k_proj", a),
                       project(layer, "self_attn.v_proj", a)},
                      -1);
  const auto heads = [&](int64_t first, int64_t count) {
    return qkv.narrow(-1, first * d, count * d).view({batch, length, count, d}).transpose(1, 2);
  };
  const auto turned = [&](at::Tensor x_heads, const char* norm_name) {
    if (config_.whole_qk_norm) {  // heads side by side again
      x_heads = norm(x_heads.transpose(1, 2).flatten(2), weight(layer, norm_name))
                    .view({batch, length, -1, d})
                    .transpose(1, 2);
    } else if (config_.qk_norm) {
      x_heads = norm(x_heads, weight(layer, norm_name));
    }
    const bool unrotated = !config_.unrotated_layers.empty() && config_.unrotated_layers[layer];
    return unrotated ? x_heads : rotate(x_heads, layer);
  };
  const at::Tensor q = turned(heads(0, h), "self_attn.q_norm");
  const at::Tensor k = turned(heads(h, kv), "self_attn.k_norm").repeat_interleave(h / kv, 1);
  const at::Tensor v = heads(h + kv, kv).repeat_interleave(h / kv, 1);
  at::Tensor unseen = at::ones({length, length}, at::kBool).triu(1);
  if (config_.sliding_window > 0 && (config_.sliding_layers.empty() || config_.sliding_layers[layer])) {
    unseen = unseen.logical_or(at::ones({length, length}, at::kBool).tril(-config_.sliding_window));
  }
  const double scale =
      config_.attention_multiplier > 0 ? config_.attention_multiplier : 1 / std::sqrt(static_cast<double>(d));
  at::Tensor scores = q.matmul(k.transpose(2, 3)) * scale;
  if (config_.attention_softcap > 0) {
    scores = (scores / config_.attention_softcap).tanh() * config_.attention_softcap;
  }
  scores = scores.masked_fill(unseen, -std::numeric_limits<double>::infinity());
  const at::Tensor attended = scores.softmax(-1).matmul(v).transpose(1, 2).reshape({batch, length, -1});
  const double m = config_.residual_multiplier;
  const at::Tensor middle = x + normed(project(layer, "self_attn.o_proj", attended), norms.attention_out) * m;
  const at::Tensor b = normed(middle, norms.mlp_in);
  if (config_.num_experts > 0) return middle + experts(layer, b);
  const at::Tensor gate_up =
      fused || family_of(config_.model_type).fused_mlp
          ? project(layer, "mlp.gate_up_proj", b)
          : at::cat({project(layer, "mlp.gate_proj", b), project(layer, "mlp.up_proj", b)}, -1);
  const at::Tensor gate = gate_up.narrow(-1, 0, inner), up = gate_up.narrow(-1, inner, inner);
  return middle + normed(project(layer, "mlp.down_proj", activated(gate, config_) * up), norms.mlp_out) * m;
}

// Every expert on every token, with weight 0 where the token did not choose it.
at::Tensor PlainLlama::experts(int64_t layer, const at::Tensor& in) const {
  const bool mixtral = config_.model_type == "mixtral";
  const std::string mlp = mixtral ? "block_sparse_moe." : "mlp.";
  const at::Tensor p = project(layer, mlp + "gate", in).softmax(-1);
  const at::Tensor least =
      std::get<0>(p.topk(config_.experts_per_token, -1)).narrow(-1, config_.experts_per_token - 1, 1);
  at::Tensor shares = p * (p >= least);
  if (config_.normalized_experts) shares = shares / shares.sum(at::IntArrayRef{-1}, true);
  at::Tensor sum;
  for (int64_t e = 0; e < config_.num_experts; ++e) {
    const std::string expert = mlp + "experts." + std::to_string(e) + ".";
    const at::Tensor gate = project(layer, expert + (mixtral ? "w1" : "gate_proj"), in);
    const at::Tensor up = project(layer, expert + (mixtral ? "w3" : "up_proj"), in);
    const at::Tensor out =
        project(layer, expert + (mixtral ? "w2" : "down_proj"), activated(gate, config_) * up) *
        shares.narrow(-1, e, 1);
    sum = e == 0 ? out : sum + out;
  }
  return sum;
}

PlainLlama::Output PlainLlama::run(const at::Tensor& tokens, const at::Tensor& labels,
                                   const at::Tensor& weights, double loss_scale) {
  turned_.clear();
  const at::Tensor& embedding = weights_.at("model.embed_tokens.weight");
  at::Tensor x = embedding.index_select(0, tokens.flatten()).view({tokens.size(0), tokens.size(1), -1}) *
                 config_.embedding_multiplier;
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) x = block(layer, x);
  x = norm(x, weights_.at("model.norm.weight"));
  const at::Tensor& head = config_.tie_word_embeddings ? embedding : weights_.at("lm_head.weight");
  Output out;
  out.logits = x.matmul(head.t()) / config_.logit_divisor;
  if (config_.logit_softcap > 0) {
    out.logits = (out.logits / config_.logit_softcap).tanh() * config_.logit_softcap;
  }
  const at::Tensor scored = labels >= 0;
  const at::Tensor log_p = out.logits.log_softmax(-1).gather(2, labels.clamp_min(0).unsqueeze(2)).squeeze(2);
  out.nll = -log_p * scored;
  out.loss = (weights.defined() ? out.nll * weights : out.nll).sum() * loss_scale;
  return out;
}

}  // namespace ropeway::testing
