// A model, a batch and a factor set to compare engines on, and the engine run on one rank's share of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "tests/trainer/model/plain_llama.h"
#include "trainer/model/causal_lm.h"

namespace ropeway::testing {

struct ModelCase {
  ModelConfig config;
  FactorSet factors;
  at::Tensor tokens, labels;  // [B, L] int64; labels already shifted, kIgnoredLabel here and there
  at::Tensor weights;         // [B, L] F64; may be undefined
  double loss_scale = 1;      // 1 / sum of the weights of the scored tokens
  uint64_t seed = 1;
  at::Tensor
      displacement;  // F64, flat, in the order of weight_names: added to the random weights when defined
  bool round_weights_to_bfloat16 = false;
};
std::map<std::string, at::Tensor> weights_of(const ModelCase& c);  // F64
LocalBatch whole_batch(const ModelCase& c);                        // for one rank, weights as they are

struct CaseOptions {
  int64_t layers = 2, hidden = 24, heads = 4, kv_heads = 2, head_dim = 8, intermediate = 37, vocab = 29;
  bool tied = false;
  const char* family = "llama";
  bool qkv_bias = false, output_bias = false, mlp_bias = false, qk_norm = false;
  int64_t rotary_dim = 0;  // 0: all of head_dim
  int64_t sequences = 2, length = 16;
  bool weighted = true;
  bool per_layer_factors = false;
  int64_t start_tokens = 0;
  double temperature = 1.13;
  uint64_t seed = 1;
  std::function<void(ModelConfig&)> change = {};  // what else the family has
};
ModelCase make_case(const CaseOptions& options);

// F64 weights by name: normal ones of a size that makes attention and gates work, norms around 1. Every value
// is also an F32 one, so that runs in F32 and F64 are of the same model.
std::map<std::string, at::Tensor> random_weights(const ModelConfig& config, uint64_t seed);
at::Tensor random_direction(const ModelConfig& config, uint64_t seed);  // F64, flat, normal

// What one rank (or all together, after summing) found.
struct EngineResult {
  double loss = 0;
  at::Tensor flat_gradients;  // in the order of weight_names
  at::Tensor nll;             // [B, L] F64; a rank's own positions, 0 elsewhere
  at::Tensor correct;         // [B, L] F64, likewise: 1 where the arg-max is the label
  FactorGradient factors;
  int64_t activation_bytes = 0;
  std::vector<std::string> complaints;  // of CopiedParameters
  int64_t gathers = 0, reductions = 0;  // of ShardedParameters
  double gradient_norm = 0;             // as they tell it
};
struct EngineRun {
  at::ScalarType dtype = at::kDouble;
  Placement placement = Placement::kZigzag;
  EnginePlan plan;
  EngineHooks hooks = {};
  // Empty: the ring.
  std::function<std::unique_ptr<SequenceAttention>(Communicator&, Placement)> make_attention = {};
  bool factor_gradient = false;    // instead of the weights' gradients
  int repetitions = 1;             // of forward_backward, without clearing the gradients
  bool copied_parameters = false;  // through CopiedParameters instead of ResidentParameters
  // From kGradients on through ShardedParameters: gradients are then sums over ranks, each rank has its
  // pieces.
  ZeroStage zero = ZeroStage::kOptimizerState;
};
// This rank's share; collective over the group.
EngineResult run_engine(const ModelCase& c, const EngineRun& run, Communicator& group);
// The sum of the shares over `ranks` thread-ranks.
EngineResult run_on_threads(const ModelCase& c, const EngineRun& run, int ranks);

// The oracle on the same case, in dtype.
struct PlainResult {
  double loss = 0;
  at::Tensor flat_gradients, nll, logits;
  at::Tensor log_factors;  // [1 or layers, pairs]
  double log_temperature = 0;
  PlainLlama::TermNorms term_norms;
};
PlainResult run_plain(const ModelCase& c, at::ScalarType dtype = at::kDouble);

// ||a - b|| / ||b|| in F64.
double relative_error(const at::Tensor& a, const at::Tensor& b);
// The largest relative_error of any one parameter's gradient, and its name for the message.
struct WorstParameter {
  double error = 0;
  std::string name;
};
WorstParameter worst_parameter(const ModelConfig& config, const at::Tensor& flat, const at::Tensor& expected);

}  // namespace ropeway::testing
