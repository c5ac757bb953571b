// A rank with a small random model that generates, and the oracle's greedy text of the same weights.
#pragma once

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <functional>
#include <memory>
#include <vector>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/generate/generator.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {

using FactorsOfLength = std::function<FactorSet(int64_t)>;

struct GeneratingRank {
  GeneratingRank(const ModelCase& c, Communicator& group, GeneratorOptions options)
      : store(c.config, at::kDouble),
        ring(group, Placement::kZigzag),
        model(c.config, store, ring, {}),
        generator(model, group, std::move(options)) {
    for (const auto& [name, weight] : weights_of(c)) store.set_weight(name, weight);
  }
  ResidentParameters store;
  RingAttention ring;
  CausalLM model;
  Generator generator;
};

// A vocabulary in which chance repeats little.
inline ModelCase generating_case(CaseOptions options = {}) {
  options.vocab = 199;
  options.sequences = 1;
  options.length = 64;
  return make_case(options);
}

inline std::vector<int32_t> first_tokens(const ModelCase& c, int64_t count) {
  const int64_t* first = c.tokens.const_data_ptr<int64_t>();
  return {first, first + count};
}

// Each token from a pass of the oracle over all tokens before it, under the factors for their number.
inline std::vector<int32_t> greedy_by_oracle(const ModelCase& c, std::vector<int32_t> tokens, int64_t count,
                                             const FactorsOfLength& factors) {
  const auto weights = weights_of(c);
  std::vector<int32_t> made;
  for (int64_t i = 0; i < count; ++i) {
    PlainLlama plain(c.config, weights, factors(std::ssize(tokens)));
    const at::Tensor ids = at::tensor(tokens, at::kLong).unsqueeze(0);
    const at::Tensor logits = plain.run(ids, at::zeros_like(ids), {}, 1).logits.detach();
    made.push_back(static_cast<int32_t>(logits[0][-1].argmax().item<int64_t>()));
    tokens.push_back(made.back());
  }
  return made;
}

// By rank.
inline std::vector<Generated> generated_on(int ranks, const ModelCase& c, const std::vector<int32_t>& prompt,
                                           const GeneratorOptions& how, const GenerateOptions& options) {
  std::vector<Generated> results(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& group) {
    GeneratingRank rank(c, group, how);
    results[static_cast<size_t>(group.rank())] = rank.generator.generate(prompt, options);
  });
  return results;
}

}  // namespace ropeway::testing
