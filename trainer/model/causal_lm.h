// A Llama-style decoder (RMSNorm, grouped-query attention, RoPE with factors, SwiGLU) whose backward is
// written out: no autograd, no graph. Forward keeps the input of each block and, by option, attention's
// output and log-sum-exp; backward walks the blocks in reverse, recomputing token by token work in tiles. The
// sequence is spread over ranks as the batch's layout says.
//
// B sequences of n local tokens each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "parallel/attention/sequence_attention.h"
#include "trainer/family/model_config.h"
#include "trainer/model/local_batch.h"
#include "trainer/plan/engine_plan.h"
#include "trainer/rope/batch_factors.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

class ActivationStore;
class Communicator;
class KeyCache;
class ParameterStore;

// What an engine is given beside its plan.
struct EngineHooks {
  // Where blocks' records wait between forward and backward; empty: where the plan says.
  std::function<std::unique_ptr<ActivationStore>(const ModelConfig&)> make_activations = {};
  // Called when the results of a pass are in host memory: throws if what the ranks exchanged on the way is
  // not to be believed (CudaJob::check). Empty: exchanges throw themselves.
  std::function<void()> check_exchange = {};
};

struct FactorGradient {
  std::vector<double>
      log_factors;  // d loss / d log lambda: pairs, or layers * pairs when the set is per layer
  double log_temperature = 0;
};

class CausalLM {
 public:
  // Keeps references to store and attention.
  CausalLM(const ModelConfig& config, ParameterStore& store, SequenceAttention& attention,
           const EnginePlan& plan, const EngineHooks& hooks = {});
  ~CausalLM();

  struct TokenResults {  // in host memory
    at::Tensor nll;      // [B, n] acc type, nats; 0 where the label is kIgnoredLabel
    at::Tensor correct;  // [B, n] bool: the arg-max is the label
  };
  // Each sequence turns by the set that its layout names. Collective over the ranks of the attention.
  TokenResults evaluate(const LocalBatch& batch, const BatchFactors& factors);

  // loss = loss_scale * sum(weights * nll) over all ranks' tokens; loss_scale is 1 / (global sum of weights),
  // the same on every rank. Adds the gradients of this rank's tokens to the store (summed over ranks by the
  // optimizer). Returns this rank's share of the loss. Each sequence turns by the set that its layout names,
  // forward, in what is computed again, and backward. Collective over the ranks of the attention.
  double forward_backward(const LocalBatch& batch, const BatchFactors& factors, double loss_scale);

  // As forward_backward, but no weight gradients are formed: the gradient with respect to the factors and the
  // temperature (this rank's share; the caller sums over ranks). loss is this rank's share. One set for all
  // sequences.
  struct FactorResult {
    double loss = 0;
    FactorGradient gradient;
  };
  FactorResult factor_gradient(const LocalBatch& batch, const FactorSet& factors, double loss_scale);

  // --- Generation (generation_passes.cc): a sequence whose keys and values are in a cache. Collective over the
  // ranks of the attention, and the cache's group is theirs. Each returns the logits of what follows the last
  // token, [V] in acc type and in host memory, with the same bits on every rank.

  // An empty cache, of activations of this model.
  std::unique_ptr<KeyCache> make_cache(Communicator& group, bool keeps_unrotated) const;
  // Reads a sequence from its start, which takes the place of what the cache held.
  at::Tensor read(const std::vector<int32_t>& sequence, const FactorSet& factors, KeyCache& cache);
  // Reads what follows, in one pass over all of it; the cache holds a token at least. The keys before it are
  // those that are there, and they were rotated under `factors`: see turn(). Every rank computes all of the
  // tokens, and attends to the keys it holds.
  at::Tensor extend(const std::vector<int32_t>& tokens, const FactorSet& factors, KeyCache& cache);
  // Keys that were rotated under other factors are rotated under these, from what they were before; the cache
  // must keep that. They remain what hidden states gave that had been computed under the others.
  void turn(const FactorSet& factors, KeyCache& cache);

  const ModelConfig& config() const;
  const EnginePlan& plan() const;
  SequenceAttention& attention();
  FactorSet identity() const;  // the original RoPE as a set named "none"
  // Bytes that activations kept between forward and backward took in the last training step.
  int64_t activation_bytes() const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace ropeway
