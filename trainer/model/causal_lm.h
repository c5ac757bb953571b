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
#include "trainer/rope/factor_set.h"

namespace ropeway {

class ActivationStore;
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
  // Collective over the ranks of the attention.
  TokenResults evaluate(const LocalBatch& batch, const FactorSet& factors);

  // loss = loss_scale * sum(weights * nll) over all ranks' tokens; loss_scale is 1 / (global sum of weights),
  // the same on every rank. Adds the gradients of this rank's tokens to the store (summed over ranks by the
  // optimizer). Returns this rank's share of the loss. Collective over the ranks of the attention.
  double forward_backward(const LocalBatch& batch, const FactorSet& factors, double loss_scale);

  // As forward_backward, but no weight gradients are formed: the gradient with respect to the factors and the
  // temperature (this rank's share; the caller sums over ranks). loss is this rank's share.
  struct FactorResult {
    double loss = 0;
    FactorGradient gradient;
  };
  FactorResult factor_gradient(const LocalBatch& batch, const FactorSet& factors, double loss_scale);

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
