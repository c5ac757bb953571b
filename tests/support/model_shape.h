// Models by their shape, and factor sets by their numbers: what tests that need a config build it from.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// A decoder of a few thousand weights; a test names what matters to it.
struct ModelShape {
  const char* family = "llama";
  int64_t vocab = 20, hidden = 16, intermediate = 24;
  int64_t layers = 2, heads = 4, kv_heads = 2, head_dim = 4;
  int64_t window = 256;
  double rope_theta = 10000;
  bool tied = false;
};

inline ModelConfig make_config(const ModelShape& shape) {
  ModelConfig config;
  take_traits(family_of(shape.family), config);
  config.vocab_size = shape.vocab;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.num_layers = shape.layers;
  config.num_heads = shape.heads;
  config.num_kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.original_window = shape.window;
  config.rope_theta = shape.rope_theta;
  config.tie_word_embeddings = shape.tied;
  return config;
}

inline ModelConfig llama_8b() {
  return make_config({.vocab = 128256,
                      .hidden = 4096,
                      .intermediate = 14336,
                      .layers = 32,
                      .heads = 32,
                      .kv_heads = 8,
                      .head_dim = 128,
                      .window = 8192});
}

// A set with base 1e4.
struct SetShape {
  std::string name{};
  int64_t max_length = 0, window = 256;
  std::vector<double> factors{};
  double temperature = 1;
};

inline FactorSet make_factor_set(SetShape shape) {
  FactorSet set;
  set.name = std::move(shape.name);
  set.max_length = shape.max_length;
  set.original_length = shape.window;
  set.rope_theta = 10000;
  set.factors = std::move(shape.factors);
  set.attention_temperature = shape.temperature;
  return set;
}

}  // namespace ropeway
