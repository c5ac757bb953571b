// The formulas of trainer/plan with `cuda` against what libtorch's allocator is asked for on the CUDA path,
// at sizes that real jobs have: memory that is not written costs nothing here.
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/pretend_gpu/engine_on_gpu.h"

namespace ropeway::testing {
namespace {

// Wide for its few weights: activations decide.
ModelConfig wide_llama(int64_t hidden, int64_t heads, int64_t kv_heads, int64_t intermediate) {
  ModelConfig config = llama_8b();
  config.num_layers = 4;
  config.hidden_size = hidden;
  config.num_heads = heads;
  config.num_kv_heads = kv_heads;
  config.intermediate_size = intermediate;
  config.vocab_size = 1024;
  return config;
}

struct Case {
  const char* name;
  Pass pass;
  int64_t length;  // local
  int ranks = 1;
  std::function<void(GpuPass&)> change = {};
  double beyond = 0;  // share that the formula may lie above what is asked for
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

class GpuMemory : public ::testing::TestWithParam<Case> {};

TEST_P(GpuMemory, FormulasAreWhatIsAskedFor) {
  const Case& c = GetParam();
  GpuPass pass{wide_llama(1024, 8, 8, 2816),
               {.pass = c.pass, .length = c.length, .ring_ranks = c.ranks, .all_ranks = 1}};
  pass.plan.keep_bytes = 0;
  if (c.change) c.change(pass);
  const GpuPassFigures found = run_gpu_pass(pass);
  const MemoryParts formula = pass_memory(pass.config, pass.shape, pass.plan);
  std::string all;
  for (const auto& [name, bytes] : formula.parts()) all += name + " " + bytes_text(bytes) + "  ";
  const int64_t engine = formula.total() - formula.weights - formula.gradients - formula.optimizer;
  SCOPED_TRACE(fmt::format("{}; engine asked for {}", all, bytes_text(found.engine)));
  RecordProperty("engine_formula", fmt::format("{}", engine));
  RecordProperty("engine_asked_for", fmt::format("{}", found.engine));
  EXPECT_EQ(formula.weights, found.weights);
  // Stages 2 and 3 hold a number per weight tensor beside the gradients.
  EXPECT_GE(found.gradients, formula.gradients);
  EXPECT_LE(found.gradients - formula.gradients, pass.plan.zero == ZeroStage::kOptimizerState ? 0 : 1024);
  EXPECT_EQ(formula.optimizer, found.optimizer);
  if (c.pass != Pass::kEvaluate) {
    EXPECT_EQ(formula.checkpoints, found.checkpoints);
  }
  // Less than 0.2 % is in no formula: the batch, sums. What the formula has beyond what is asked for is what
  // it takes cuDNN's backward to want as workspace of its own for grouped queries, of which the pretend one
  // wants none.
  EXPECT_GE(static_cast<double>(engine), 0.998 * static_cast<double>(found.engine));
  EXPECT_LE(static_cast<double>(engine), (1.002 + c.beyond) * static_cast<double>(found.engine));
}

void keeps_all(GpuPass& p) { p.plan.keep_bytes = int64_t{1} << 40; }
void offloads(GpuPass& p) { p.plan.offload = true; }
void repeats(GpuPass& p) { p.plan.save_attention = false; }
void grouped(GpuPass& p) { p.config = wide_llama(1024, 32, 8, 3584); }
void batch(GpuPass& p) { p.shape.sequences = 4; }
void norms(GpuPass& p) {
  p.config.model_type = "qwen3";
  p.config.qk_norm = p.config.qkv_bias = true;
}
void wide(GpuPass& p) { p.config.head_dim = 256; }
void large_tiles(GpuPass& p) {
  p.plan.tile_tokens = 8192;
  p.plan.loss_tile_tokens = 4096;
}

// Rank 0 of eight that share out gradients, or weights as well.
void shares_gradients(GpuPass& p) {
  p.shape.all_ranks = 8;
  p.plan.zero = ZeroStage::kGradients;
}
void shares_weights(GpuPass& p) {
  p.shape.all_ranks = 8;
  p.plan.zero = ZeroStage::kWeights;
}
void shares_tied_weights(GpuPass& p) {
  shares_weights(p);
  p.config.tie_word_embeddings = true;
  p.config.vocab_size = 32000;
}

constexpr double kGroupedWorkspace = 0.1, kGroupedOnRing = 0.14, kOnRing = 0.015;

INSTANTIATE_TEST_SUITE_P(
    Passes, GpuMemory,
    ::testing::Values(Case{"Train", Pass::kTrain, 32768}, Case{"TrainLong", Pass::kTrain, 131072},
                      Case{"TrainShort", Pass::kTrain, 8192},
                      Case{"TrainKeepsAll", Pass::kTrain, 32768, 1, keeps_all},
                      Case{"TrainOffloaded", Pass::kTrain, 32768, 1, offloads},
                      Case{"TrainAttentionRepeated", Pass::kTrain, 32768, 1, repeats},
                      Case{"TrainBatched", Pass::kTrain, 8192, 1, batch},
                      Case{"TrainHeadNorms", Pass::kTrain, 32768, 1, norms},
                      Case{"TrainWideHeads", Pass::kTrain, 32768, 1, wide},
                      Case{"TrainLargeTiles", Pass::kTrain, 32768, 1, large_tiles},
                      Case{"TrainGrouped", Pass::kTrain, 32768, 1, grouped, kGroupedWorkspace},
                      Case{"TrainRing2", Pass::kTrain, 16384, 2, {}, kOnRing},
                      Case{"TrainRing4", Pass::kTrain, 16384, 4, {}, kOnRing},
                      Case{"TrainGroupedRing4", Pass::kTrain, 16384, 4, grouped, kGroupedOnRing},
                      Case{"TrainRing2Offloaded", Pass::kTrain, 16384, 2, offloads, kOnRing},
                      Case{"TrainSharedGradients", Pass::kTrain, 32768, 1, shares_gradients},
                      Case{"TrainSharedWeights", Pass::kTrain, 32768, 1, shares_weights},
                      Case{"TrainSharedTiedWeights", Pass::kTrain, 8192, 1, shares_tied_weights},
                      Case{"TrainSharedWeightsRing2", Pass::kTrain, 16384, 2, shares_weights, kOnRing},
                      Case{"EvaluateSharedWeightsRing2", Pass::kEvaluate, 16384, 2, shares_weights},
                      Case{"Evaluate", Pass::kEvaluate, 32768},
                      Case{"EvaluateGrouped", Pass::kEvaluate, 32768, 1, grouped},
                      Case{"EvaluateRing4", Pass::kEvaluate, 16384, 4},
                      Case{"FactorGradient", Pass::kFactorGradient, 32768},
                      Case{"FactorGradientRing2", Pass::kFactorGradient, 16384, 2, {}, kOnRing}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway::testing
