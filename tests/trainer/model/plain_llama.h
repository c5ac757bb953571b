// A Llama-style decoder written as plainly as possible on tensors with autograd: the oracle for the engine's
// loss and gradients. Whole sequences, one process, full score matrices, its own formula for angles. Nothing
// is shared with the engine but the names of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway::testing {

class PlainLlama {
 public:
  // weights: name -> tensor of `dtype`; copied, and made leaves that want gradients.
  // positions [L]: where RoPE counts the tokens; undefined: from 0.
  PlainLlama(const ModelConfig& config, const std::map<std::string, at::Tensor>& weights,
             const FactorSet& factors, const at::Tensor& positions = {});

  struct Output {
    at::Tensor logits;  // [B, L, V]
    at::Tensor nll;     // [B, L], 0 where the label is kIgnoredLabel
    at::Tensor loss;    // scale * sum(weights * nll)
  };
  // tokens, labels [B, L] int64; weights [B, L] or undefined.
  Output run(const at::Tensor& tokens, const at::Tensor& labels, const at::Tensor& weights,
             double loss_scale);

  at::Tensor gradient(const std::string& name) const { return weights_.at(name).grad(); }
  at::Tensor log_factor_gradient() const { return log_factors_.grad(); }           // [1 or layers, pairs]
  at::Tensor log_temperature_gradient() const { return log_temperature_.grad(); }  // []
  // The gradients of the factors and of the temperature are sums of terms, two for each pair of dims of every
  // rotated query and key: the roots of the sums of their squares, over all factors together. Where terms
  // cancel, these are larger than the sums.
  struct TermNorms {
    double factors = 0, temperature = 0;
  };
  TermNorms term_norms() const;

 private:
  at::Tensor block(int64_t layer, const at::Tensor& x) const;
  at::Tensor experts(int64_t layer, const at::Tensor& in) const;
  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const;
  at::Tensor rotate(const at::Tensor& x, int64_t layer) const;                             // [B, heads, L, D]
  at::Tensor project(int64_t layer, const std::string& part, const at::Tensor& in) const;  // with its bias
  int64_t rotary_dim() const;
  const at::Tensor& weight(int64_t layer, const std::string& part) const;

  ModelConfig config_;
  FactorSet set_;
  at::Tensor positions_;
  std::map<std::string, at::Tensor> weights_;
  at::Tensor log_factors_, log_temperature_;  // leaves, F64
  // Rotated queries and keys of the last run.
  struct Turned {
    at::Tensor y1, y2;         // [B, heads, L, pairs]
    at::Tensor angle, scaled;  // where the factors and the temperature act; 0 elsewhere
  };
  mutable std::vector<Turned> turned_;
};

}  // namespace ropeway::testing
