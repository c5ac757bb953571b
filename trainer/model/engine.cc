#include "trainer/model/engine.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/scalar_tensor.h>

#include "kernels/base/pass_progress.h"
#include "kernels/loss/cross_entropy.h"
#include "trainer/family/sliding_window.h"
#include "trainer/model/key_cache.h"

namespace ropeway {

FactorSet plain_rope(const ModelConfig& config, double theta) {
  FactorSet set;
  set.name = "none";
  set.max_length = set.original_length = config.original_window;
  set.rope_theta = theta;
  set.factors.assign(static_cast<size_t>(config.rotary_pairs()), 1.0);
  set.history.method = "identity";
  return set;
}

BatchShape CausalLM::Engine::check(const LocalBatch& batch, const BatchFactors& factors) const {
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
  ROPEWAY_CHECK(batch.layout.num_factor_sets() <= factors.count(), "a batch of {} factor sets comes with {}",
                batch.layout.num_factor_sets(), factors.count());
  for (int64_t set = 0; set < factors.count(); ++set) check(factors.of(set));
  check_ids(batch.tokens, 0, "token");
  check_ids(batch.labels, kIgnoredLabel, "label");
  return shape;
}

void CausalLM::Engine::check(const FactorSet& factors) const {
  const auto count = static_cast<int64_t>(factors.factors.size());
  const int64_t pairs = config.rotary_pairs();
  if (count == pairs || count == pairs * config.num_layers) return;
  fail(ErrorKind::kBadData, "factor set '{}' has {} factors; this model has {} rotary pairs in {} layers",
       factors.name, count, pairs, config.num_layers);
}

void CausalLM::Engine::check_ids(const at::Tensor& ids, int64_t ignored, const char* what) const {
  const int64_t* id = ids.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < ids.numel(); ++i) {
    if ((id[i] < 0 || id[i] >= config.vocab_size) && id[i] != ignored) {
      fail(ErrorKind::kBadData, "{} {} at index {} of a batch; the vocabulary has {}", what, id[i], i,
           config.vocab_size);
    }
  }
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

void CausalLM::Engine::embed(const at::Tensor& ids, const at::Tensor& x) {
  const ParameterLease lease(store, ParameterUnit::embedding(), LeaseOf::kWeights);
  store.expect(ParameterUnit::block(0), LeaseOf::kWeights);
  at::Tensor out = x;
  at::index_select_out(out, lease.weights().embedding, 0, ids);
  multiply_embedding(x);
}

at::Tensor CausalLM::Engine::forward_only(const Pass& pass, KeyCache* cache) {
  const int64_t tokens = shape_of(pass.batch.layout).tokens();
  const at::Tensor x = stream.shaped({tokens, config.hidden_size}, tensor_options);
  PassScope progress(PassPhase::kForward, config.num_layers);
  embed(pass.batch.tokens.flatten(), x);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    progress.block(layer);
    const ParameterLease lease(store, ParameterUnit::block(layer), LeaseOf::kWeights);
    store.expect(after(layer), LeaseOf::kWeights);
    block.forward(
        lease.weights().block, rope_of(pass, layer), layout_of(pass, layer), x, [&x] { return x; }, nullptr,
        false, cache != nullptr ? cache->rows_of(layer, tokens) : KeyRows());
    if (cache != nullptr) cache->keep_rows(layer);
  }
  return x;
}

}  // namespace ropeway
