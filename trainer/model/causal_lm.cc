#include "trainer/model/causal_lm.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "kernels/base/pass_progress.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/embedding_ops.h"
#include "trainer/model/engine.h"

namespace ropeway {

// Leaves what backward needs of each block in the activation store, and the result of the last block in
// last [T, C].
void CausalLM::Engine::forward(const Pass& pass, const at::Tensor& last) {
  const int64_t layers = config.num_layers;
  PassScope progress(PassPhase::kForward, layers);
  embed(pass.batch.tokens.flatten(), activations.open(0).input);
  for (int64_t layer = 0; layer < layers; ++layer) {
    progress.block(layer);
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
  const PassScope progress(PassPhase::kLoss, 0);
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
  PassScope progress(PassPhase::kBackward, layers);
  for (int64_t layer = layers - 1; layer >= 0; --layer) {
    progress.block(layers - 1 - layer);
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
double CausalLM::Engine::train(const LocalBatch& host_batch, const BatchFactors& factors, double loss_scale,
                               FactorGradient* factor_gradient) {
  const BatchShape shape = check(host_batch, factors);
  const Pass pass{placed(host_batch), windowed(host_batch.layout), factors, factor_gradient == nullptr};

  activations.begin_step(
      shape.tokens(), tensor_options,
      kept_blocks(config, shape.tokens(), static_cast<int64_t>(tensor_options.dtype().itemsize()), plan));
  const at::Tensor last_or_gradient = stream.shaped({shape.tokens(), config.hidden_size}, tensor_options);
  forward(pass, last_or_gradient);
  const at::Tensor loss_sum = head_backward(pass, loss_scale, last_or_gradient);
  const FactorSums sums = pass.weight_gradients ? FactorSums() : zero_sums(factors.of(0));
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

CausalLM::TokenResults CausalLM::evaluate(const LocalBatch& host_batch, const BatchFactors& factors) {
  Engine& e = *engine_;
  // The first of several labels for each token.
  const int64_t rows = host_batch.tokens.size(0), sets = host_batch.labels.size(0) / rows;
  ROPEWAY_CHECK(host_batch.labels.size(0) == sets * rows, "{} rows of labels for {} sequences",
                host_batch.labels.size(0), rows);
  LocalBatch first = host_batch;
  first.labels = host_batch.labels.narrow(0, 0, rows);
  e.check(first, factors);
  e.check_ids(host_batch.labels, kIgnoredLabel, "label");
  const Engine::Pass pass{e.placed(first), e.windowed(host_batch.layout), factors, true};
  const at::Tensor x = e.forward_only(pass, nullptr);
  const PassScope progress(PassPhase::kLoss, 0);
  const ParameterLease lease(e.store, ParameterUnit::head(), LeaseOf::kWeights);
  TokenResults results;
  std::vector<at::Tensor> nll, correct;
  for (int64_t set = 0; set < sets; ++set) {
    const Head::Scores scores =
        e.head.score(lease.weights(), x, host_batch.labels.narrow(0, set * rows, rows).flatten());
    nll.push_back(scores.nll.view(host_batch.tokens.sizes()).to(at::kCPU));
    correct.push_back(scores.correct.view(host_batch.tokens.sizes()).to(at::kCPU));
  }
  results = {at::cat(nll), at::cat(correct)};
  if (e.hooks.check_exchange) e.hooks.check_exchange();
  return results;
}

double CausalLM::forward_backward(const LocalBatch& batch, const BatchFactors& factors, double loss_scale) {
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
