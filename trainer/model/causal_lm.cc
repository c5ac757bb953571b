#include "trainer/model/causal_lm.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/embedding_ops.h"
#include "trainer/family/sliding_window.h"
#include "trainer/model/activation_store.h"
#include "trainer/model/block.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/head.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/rope_cache.h"
#include "trainer/model/workspace.h"

namespace ropeway {
namespace {

FactorSet plain_rope(const ModelConfig& config, double theta) {
  FactorSet set;
  set.name = "none";
  set.max_length = set.original_length = config.original_window;
  set.rope_theta = theta;
  set.factors.assign(static_cast<size_t>(config.rotary_pairs()), 1.0);
  set.history.method = "identity";
  return set;
}

}  // namespace

struct CausalLM::Engine {
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
    const FactorSet& factors;
    // Of all weights; otherwise those of the factors are formed.
    bool weight_gradients = true;

    LeaseOf lease() const { return weight_gradients ? LeaseOf::kWeightsAndGradients : LeaseOf::kWeights; }
  };
  // Sums over tokens and layers, where the weights are.
  struct FactorSums {
    at::Tensor log_factors;      // [1 or layers, pairs] F64
    at::Tensor log_temperature;  // [1] F64
  };

  BatchShape check(const LocalBatch& batch, const FactorSet& factors) const;
  LocalBatch placed(const LocalBatch& batch) const;
  double train(const LocalBatch& batch, const FactorSet& factors, double loss_scale,
               FactorGradient* factor_gradient);
  void embed(const LocalBatch& batch, const at::Tensor& x);
  void multiply_embedding(const at::Tensor& x) const;
  void forward(const Pass& pass, const at::Tensor& last);
  at::Tensor head_backward(const Pass& pass, double loss_scale, const at::Tensor& x);
  void blocks_backward(const Pass& pass, const FactorSums& sums, const at::Tensor& d_x);
  void embedding_backward(const LocalBatch& batch, const at::Tensor& d_x);
  FactorSums zero_sums(const FactorSet& factors) const;

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
  BatchRope rope_of(const FactorSet& factors, int64_t layer, const SequenceLayout& layout, bool with_angles) {
    if (!config.rotates(layer)) return {};
    if (config.rotates_locally(layer)) return ropes.get(local_rope, layer, layout, false);
    return ropes.get(factors, layer, layout, with_angles);
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
  const FactorSet local_rope;  // of the layers that rotate locally
  Block block;
  const std::unique_ptr<ActivationStore> activation_store;
  ActivationStore& activations;
  Head head;
  Buffer stream;  // [T, C]: the residual stream's end, then its gradient
};

BatchShape CausalLM::Engine::check(const LocalBatch& batch, const FactorSet& factors) const {
  ROPEWAY_CHECK(batch.tokens.dim() == 2 && batch.tokens.is_contiguous() && batch.labels.is_contiguous() &&
                    batch.labels.sizes() == batch.tokens.sizes() && batch.tokens.is_cpu() &&
                    batch.labels.is_cpu(),
                "tokens and labels must be contiguous, in host memory and of one shape [B, n]");
  const BatchShape shape = shape_of(batch.layout);
  ROPEWAY_CHECK(batch.tokens.size(0) == shape.sequences && batch.tokens.size(1) == shape.length,
                "a layout of {} sequences of {} local tokens for {} of {}", shape.sequences, shape.length,
                batch.tokens.size(0), batch.tokens.size(1));
  // All ranks have the same sequences, so all of them refuse together.
  require_within_sliding_window(config, batch.layout.longest(), "a sequence");
  const auto count = static_cast<int64_t>(factors.factors.size());
  const int64_t pairs = config.rotary_pairs();
  if (count != pairs && count != pairs * config.num_layers) {
    fail(ErrorKind::kBadData, "factor set '{}' has {} factors; this model has {} rotary pairs in {} layers",
         factors.name, count, pairs, config.num_layers);
  }
  const auto in_vocabulary = [this](const at::Tensor& ids, int64_t ignored, const char* what) {
    const int64_t* id = ids.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < ids.numel(); ++i) {
      if ((id[i] < 0 || id[i] >= config.vocab_size) && id[i] != ignored) {
        fail(ErrorKind::kBadData, "{} {} at index {} of a batch; the vocabulary has {}", what, id[i], i,
             config.vocab_size);
      }
    }
  };
  in_vocabulary(batch.tokens, 0, "token");
  in_vocabulary(batch.labels, kIgnoredLabel, "label");
  return shape;
}

// The batch where the weights are; its labels stay in host memory, where the loss asks for them.
LocalBatch CausalLM::Engine::placed(const LocalBatch& batch) const {
  const auto device = tensor_options.device();
  LocalBatch moved = batch;
  for (at::Tensor* tensor : {&moved.tokens, &moved.weights}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return moved;
}

// Forward on embeddings, backward on the gradient of what the first block reads.
void CausalLM::Engine::multiply_embedding(const at::Tensor& x) const {
  if (config.embedding_multiplier == 1) return;
  if (config.rounded_embedding_multiplier) {
    x.mul_(at::scalar_tensor(config.embedding_multiplier, tensor_options));
  } else {
    x.mul_(config.embedding_multiplier);
  }
}

void CausalLM::Engine::embed(const LocalBatch& batch, const at::Tensor& x) {
  const ParameterLease lease(store, ParameterUnit::embedding(), LeaseOf::kWeights);
  store.expect(ParameterUnit::block(0), LeaseOf::kWeights);
  at::Tensor out = x;
  at::index_select_out(out, lease.weights().embedding, 0, batch.tokens.flatten());
  multiply_embedding(x);
}

// Leaves what backward needs of each block in the activation store, and the result of the last block in
// last [T, C].
void CausalLM::Engine::forward(const Pass& pass, const at::Tensor& last) {
  const int64_t layers = config.num_layers;
  embed(pass.batch, activations.open(0).input);
  for (int64_t layer = 0; layer < layers; ++layer) {
    BlockActivations& record = activations.open(layer);
    const auto y = [&] { return layer + 1 < layers ? activations.open(layer + 1).input : last; };
    {
      const ParameterLease lease(store, ParameterUnit::block(layer), LeaseOf::kWeights);
      store.expect(after(layer), layer + 1 < layers ? LeaseOf::kWeights : pass.lease());
      block.forward(lease.weights().block, rope_of(pass, layer), layout_of(pass, layer), record.input, y,
                    &record, plan.save_attention);
    }
    activations.seal(layer);
  }
}

// x [T, C]: the last block's result on entry, d loss / d x on return. Returns the weighted sum of the losses
// of tokens, where the weights are.
at::Tensor CausalLM::Engine::head_backward(const Pass& pass, double loss_scale, const at::Tensor& x) {
  const ParameterLease lease(store, ParameterUnit::head(), pass.lease());
  store.expect(ParameterUnit::block(config.num_layers - 1), pass.lease());
  const LocalBatch& batch = pass.batch;
  const at::Tensor weights = batch.weights.defined() ? batch.weights.flatten() : at::Tensor();
  const at::Tensor sum =
      head.backward(lease.weights(), lease.gradients(), {batch.labels.flatten(), weights, loss_scale}, x);
  if (pass.weight_gradients) lease.gradients_done();
  return sum;
}

// d_x [T, C]: of the last block's result on entry, of the first one's input on return.
void CausalLM::Engine::blocks_backward(const Pass& pass, const FactorSums& sums, const at::Tensor& d_x) {
  const int64_t layers = config.num_layers;
  for (int64_t layer = layers - 1; layer >= 0; --layer) {
    {
      const ParameterLease lease(store, ParameterUnit::block(layer), pass.lease());
      if (layer > 0) {
        store.expect(ParameterUnit::block(layer - 1), pass.lease());
      } else if (pass.weight_gradients) {
        store.expect(ParameterUnit::embedding(), LeaseOf::kGradients);
      }
      BlockGradients gradients;
      if (pass.weight_gradients) {
        gradients.weights = lease.gradients().block;
      } else {
        if (config.takes_factors(layer)) {
          gradients.log_factors = sums.log_factors[sums.log_factors.size(0) > 1 ? layer : 0];
          gradients.log_temperature = sums.log_temperature;
        }
        gradients.input = layer > 0;
      }
      block.backward(lease.weights().block, rope_of(pass, layer), layout_of(pass, layer),
                     activations.fetch(layer), gradients, d_x);
      if (pass.weight_gradients) lease.gradients_done();
    }
    activations.release(layer);
  }
}

// Row t of d_x is added to the gradient of token t's embedding, in the order of t.
void CausalLM::Engine::embedding_backward(const LocalBatch& batch, const at::Tensor& d_x) {
  const ParameterLease lease(store, ParameterUnit::embedding(), LeaseOf::kGradients);
  const at::Tensor tokens = batch.tokens.flatten();
  multiply_embedding(d_x);
  for (const Tile& tile : tiles_of({1, d_x.size(0)}, plan.tile_tokens)) {
    ops::embedding_gradient(d_x.narrow(0, tile.begin, tile.count), tokens.narrow(0, tile.begin, tile.count),
                            lease.gradients().embedding);
  }
  lease.gradients_done();
}

// One row of factors for all layers, or one per layer.
CausalLM::Engine::FactorSums CausalLM::Engine::zero_sums(const FactorSet& factors) const {
  const int64_t pairs = config.rotary_pairs();
  const auto sums = tensor_options.dtype(at::kDouble);
  return {at::zeros({static_cast<int64_t>(factors.factors.size()) / pairs, pairs}, sums),
          at::zeros({1}, sums)};
}

// Forward and backward. factor_gradient null: the gradients of all weights; otherwise those of the factors
// alone.
double CausalLM::Engine::train(const LocalBatch& host_batch, const FactorSet& factors, double loss_scale,
                               FactorGradient* factor_gradient) {
  const BatchShape shape = check(host_batch, factors);
  const Pass pass{placed(host_batch), windowed(host_batch.layout), factors, factor_gradient == nullptr};

  activations.begin_step(
      shape.tokens(), tensor_options,
      kept_blocks(config, shape.tokens(), static_cast<int64_t>(tensor_options.dtype().itemsize()), plan));
  const at::Tensor last_or_gradient = stream.shaped({shape.tokens(), config.hidden_size}, tensor_options);
  forward(pass, last_or_gradient);
  const at::Tensor loss_sum = head_backward(pass, loss_scale, last_or_gradient);
  const FactorSums sums = pass.weight_gradients ? FactorSums() : zero_sums(factors);
  blocks_backward(pass, sums, last_or_gradient);

  if (pass.weight_gradients) {
    embedding_backward(pass.batch, last_or_gradient);
  } else {
    const at::Tensor on_host = sums.log_factors.to(at::kCPU);
    const double* values = on_host.const_data_ptr<double>();
    factor_gradient->log_factors.assign(values, values + on_host.numel());
    factor_gradient->log_temperature = sums.log_temperature.item<double>();
  }
  const double loss = loss_scale * loss_sum.item<double>();
  if (hooks.check_exchange) hooks.check_exchange();
  return loss;
}

CausalLM::CausalLM(const ModelConfig& config, ParameterStore& store, SequenceAttention& attention,
                   const EnginePlan& plan, const EngineHooks& hooks)
    : engine_(std::make_unique<Engine>(config, store, attention, plan, hooks)) {}

CausalLM::~CausalLM() = default;

CausalLM::TokenResults CausalLM::evaluate(const LocalBatch& host_batch, const FactorSet& factors) {
  Engine& e = *engine_;
  const BatchShape shape = e.check(host_batch, factors);
  const Engine::Pass pass{e.placed(host_batch), e.windowed(host_batch.layout), factors, true};
  const LocalBatch& batch = pass.batch;
  const at::Tensor x = e.stream.shaped({shape.tokens(), e.config.hidden_size}, e.tensor_options);
  e.embed(batch, x);
  for (int64_t layer = 0; layer < e.config.num_layers; ++layer) {
    const ParameterLease lease(e.store, ParameterUnit::block(layer), LeaseOf::kWeights);
    e.store.expect(e.after(layer), LeaseOf::kWeights);
    e.block.forward(
        lease.weights().block, e.rope_of(pass, layer), e.layout_of(pass, layer), x, [&x] { return x; },
        nullptr, false);
  }

  const ParameterLease lease(e.store, ParameterUnit::head(), LeaseOf::kWeights);
  const Head::Scores scores = e.head.score(lease.weights(), x, batch.labels.flatten());
  TokenResults results{scores.nll.view(batch.tokens.sizes()).to(at::kCPU),
                       scores.correct.view(batch.tokens.sizes()).to(at::kCPU)};
  if (e.hooks.check_exchange) e.hooks.check_exchange();
  return results;
}

double CausalLM::forward_backward(const LocalBatch& batch, const FactorSet& factors, double loss_scale) {
  return engine_->train(batch, factors, loss_scale, nullptr);
}

CausalLM::FactorResult CausalLM::factor_gradient(const LocalBatch& batch, const FactorSet& factors,
                                                 double loss_scale) {
  FactorResult result;
  result.loss = engine_->train(batch, factors, loss_scale, &result.gradient);
  return result;
}

const ModelConfig& CausalLM::config() const { return engine_->config; }
const EnginePlan& CausalLM::plan() const { return engine_->plan; }
SequenceAttention& CausalLM::attention() { return engine_->attention; }
int64_t CausalLM::activation_bytes() const { return engine_->activations.peak_bytes(); }

FactorSet CausalLM::identity() const { return plain_rope(engine_->config, engine_->config.rope_theta); }

}  // namespace ropeway
