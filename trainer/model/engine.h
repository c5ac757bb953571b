// The parts a CausalLM works with and the passes that its jobs share. Internal to this folder: causal_lm.cc
// trains and scores with it, generation_passes.cc generates.
//
// T = B * n local tokens, C hidden size.
#pragma once

#include <memory>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "trainer/model/activation_store.h"
#include "trainer/model/block.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/head.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/rope_cache.h"
#include "trainer/model/workspace.h"

namespace ropeway {

class KeyCache;

// The original RoPE on this base, as a set named "none".
FactorSet plain_rope(const ModelConfig& config, double theta);

struct CausalLM::Engine {
  static constexpr int64_t kStepRopeBytes = 1 << 16;

  Engine(const ModelConfig& model_config, ParameterStore& parameters, SequenceAttention& sequence_attention,
         const EnginePlan& engine_plan, const EngineHooks& engine_hooks)
      : config(model_config),
        store(parameters),
        attention(sequence_attention),
        plan(engine_plan),
        hooks(engine_hooks),
        tensor_options(parameters.weight_options()),
        acc_options(tensor_options.dtype(ops::accumulation_type(tensor_options.dtype().toScalarType()))),
        ropes(config.rotary_pairs(), acc_options),
        step_ropes(config.rotary_pairs(), acc_options, kStepRopeBytes),
        local_rope(plain_rope(config, config.local_rope_theta)),
        block(config, attention, plan.tile_tokens),
        activation_store(hooks.make_activations ? hooks.make_activations(config)
                                                : make_activations(config, plan, tensor_options.device())),
        activations(*activation_store),
        head(config, plan.tile_tokens, plan.loss_tile_tokens) {
    ROPEWAY_CHECK(plan.tile_tokens > 0 && plan.loss_tile_tokens > 0, "tiles must hold tokens");
  }

  // One batch on its way forward and back.
  struct Pass {
    LocalBatch batch;         // where the weights are
    SequenceLayout windowed;  // the batch's layout for layers that slide
    BatchFactors factors;
    // Of all weights; otherwise those of the factors are formed.
    bool weight_gradients = true;

    LeaseOf lease() const { return weight_gradients ? LeaseOf::kWeightsAndGradients : LeaseOf::kWeights; }
  };
  // Sums over tokens and layers, where the weights are.
  struct FactorSums {
    at::Tensor log_factors;      // [1 or layers, pairs] F64
    at::Tensor log_temperature;  // [1] F64
  };

  BatchShape check(const LocalBatch& batch, const BatchFactors& factors) const;
  void check(const FactorSet& factors) const;
  void check_ids(const at::Tensor& ids, int64_t ignored, const char* what) const;  // in host memory
  LocalBatch placed(const LocalBatch& batch) const;
  double train(const LocalBatch& batch, const BatchFactors& factors, double loss_scale,
               FactorGradient* factor_gradient);
  // ids [T] int64, where the weights are; x [T, C], written.
  void embed(const at::Tensor& ids, const at::Tensor& x);
  void multiply_embedding(const at::Tensor& x) const;
  void forward(const Pass& pass, const at::Tensor& last);
  // Forward alone: nothing is kept for a backward pass. cache: takes keys and values; null: none is wanted.
  // Returns the last block's result [T, C].
  at::Tensor forward_only(const Pass& pass, KeyCache* cache);
  // Keys of layers whose rows are of these tokens.
  void turn_layers(const std::vector<int64_t>& positions, const std::vector<int64_t>& layers,
                   const FactorSet& factors, KeyCache& cache);
  at::Tensor head_backward(const Pass& pass, double loss_scale, const at::Tensor& x);
  void blocks_backward(const Pass& pass, const FactorSums& sums, const at::Tensor& d_x);
  void embedding_backward(const LocalBatch& batch, const at::Tensor& d_x);
  FactorSums zero_sums(const FactorSet& factors) const;
  at::Tensor logits(const at::Tensor& x);  // [V] in host memory, of one token x [1, C]

  // The tables of a pass in progress.
  BatchRope rope_of(const Pass& pass, int64_t layer) {
    return rope_of(pass.factors, layer, pass.batch.layout, !pass.weight_gradients);
  }
  SequenceLayout windowed(const SequenceLayout& layout) const {
    const bool wanted = config.sliding_window > 0 && config.sliding_window < layout.longest();
    return wanted ? layout.with_window(config.sliding_window) : SequenceLayout();
  }
  const SequenceLayout& layout_of(const Pass& pass, int64_t layer) const {
    const bool slides = pass.windowed.num_sequences() > 0 && config.window_of_layer(layer) > 0;
    return slides ? pass.windowed : pass.batch.layout;
  }
  BatchRope rope_of(const BatchFactors& factors, int64_t layer, const SequenceLayout& layout,
                    bool with_angles) {
    if (!config.rotates(layer)) return {};
    if (config.rotates_locally(layer)) {
      return ropes.get(BatchFactors(local_rope, layout.num_factor_sets()), layer, layout, false);
    }
    return ropes.get(factors, layer, layout, with_angles);
  }
  // Of one sequence's tokens at these positions.
  BatchRope step_rope_of(const FactorSet& factors, int64_t layer, const std::vector<int64_t>& positions) {
    if (!config.rotates(layer)) return {};
    return {{step_ropes.get(config.rotates_locally(layer) ? local_rope : factors, layer, positions, false)}};
  }
  // What comes after the forward pass of a block.
  ParameterUnit after(int64_t layer) const {
    return layer + 1 < config.num_layers ? ParameterUnit::block(layer + 1) : ParameterUnit::head();
  }

  const ModelConfig config;
  ParameterStore& store;
  SequenceAttention& attention;
  const EnginePlan plan;
  const EngineHooks hooks;
  const at::TensorOptions tensor_options, acc_options;
  RopeCache ropes;
  RopeCache step_ropes;        // of tokens that extend a sequence, which are other ones each time
  const FactorSet local_rope;  // of the layers that rotate locally
  Block block;
  const std::unique_ptr<ActivationStore> activation_store;
  ActivationStore& activations;
  Head head;
  Buffer stream;  // [T, C]: the residual stream's end, then its gradient
};

}  // namespace ropeway
