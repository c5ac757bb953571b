// The formulas of trainer/plan against what the engine asks the allocator for, part by part, and the goal for
// what a block needs beside the model and the checkpoints of other blocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "kernels/base/error.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "parallel/zero/sharded_adamw.h"
#include "tests/parallel/mesh_attention.h"
#include "tests/trainer/model/model_case.h"
#include "tests/trainer/plan/cases.h"
#include "trainer/model/memory_meter.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/sharded_parameters.h"
#include "trainer/plan/memory_model.h"

namespace ropeway::testing {
namespace {

DType dtype_of(at::ScalarType type) {
  return type == at::kDouble ? DType::kF64 : type == at::kFloat ? DType::kF32 : DType::kBF16;
}

struct Job {
  const char* name;
  CaseOptions shape;
  at::ScalarType dtype = at::kFloat;
  int ranks = 1;
  EnginePlan plan;
  Pass pass = Pass::kTrain;
  bool narrow_moments = false;
  int heads = 1;  // of the ranks: neighbours that share heads
};

// What one rank asked for, by what it was for.
struct Measured {
  int64_t weights = 0, gradients = 0, optimizer = 0, engine = 0, checkpoints = 0;
};

Measured larger(const Measured& a, const Measured& b) {
  return {std::max(a.weights, b.weights), std::max(a.gradients, b.gradients),
          std::max(a.optimizer, b.optimizer), std::max(a.engine, b.engine),
          std::max(a.checkpoints, b.checkpoints)};
}

LocalBatch batch_of(const ModelConfig& config, const CaseOptions& shape, const SequenceSplit& split,
                    at::ScalarType dtype) {
  std::vector<std::vector<int32_t>> sequences(static_cast<size_t>(shape.sequences));
  for (size_t b = 0; b < sequences.size(); ++b) {
    for (int64_t t = 0; t < shape.length; ++t) {
      sequences[b].push_back(static_cast<int32_t>((7 * t + static_cast<int64_t>(b)) % config.vocab_size));
    }
  }
  return make_local_batch(sequences, {}, split, dtype);
}

std::unique_ptr<ParameterStore> make_store(const ModelConfig& config, const Job& run, Communicator& group) {
  if (run.plan.zero == ZeroStage::kOptimizerState) {
    return std::make_unique<ResidentParameters>(config, run.dtype);
  }
  return std::make_unique<ShardedParameters>(config, run.dtype, at::kCPU, unowned(group),
                                             run.plan.zero == ZeroStage::kWeights
                                                 ? ShardedParameters::Weights::kSharded
                                                 : ShardedParameters::Weights::kWhole);
}

Measured measure(const ModelConfig& config, const Job& run, Communicator& group) {
  Measured measured;
  MemoryMeter meter;
  int64_t before = 0;
  const auto grown = [&] {
    const int64_t by = meter.live_bytes() - before;
    before = meter.live_bytes();
    return by;
  };
  const std::unique_ptr<ParameterStore> store = make_store(config, run, group);
  const int64_t made = grown();
  MeshAttention ring(group, run.heads, Placement::kZigzag, 1, run.plan.head_groups);
  const LocalBatch batch = batch_of(config, run.shape, ring.split(), run.dtype);
  std::optional<ShardedAdamW> optimizer;
  grown();
  if (run.pass == Pass::kTrain) {
    auto shard = store->optimizer_shard(group);
    shard->gradients();
    grown();
    optimizer.emplace(std::move(shard), ShardedAdamWOptions{.narrow_moments = run.narrow_moments});
    measured.optimizer = grown();
  }
  const int64_t held = store->bytes().weights + store->bytes().gradients;
  CausalLM model(config, *store, ring, run.plan);
  const FactorSet factors = model.identity();
  meter.reset_peak();
  for (int step = 0; step < 2; ++step) {
    if (run.pass == Pass::kEvaluate) model.evaluate(batch, factors);
    if (run.pass == Pass::kFactorGradient) model.factor_gradient(batch, factors, 1e-3);
    if (run.pass != Pass::kTrain) continue;
    model.forward_backward(batch, factors, 1e-3);
    optimizer->step({}, 1.0);
  }
  measured.weights = store->bytes().weights;
  if (run.plan.zero == ZeroStage::kOptimizerState) {
    EXPECT_EQ(made, measured.weights);
  }
  measured.gradients = store->bytes().gradients;
  // Memory that shares are gathered into comes with the first pass.
  measured.engine = meter.peak_bytes() - before - (measured.weights + measured.gradients - held);
  measured.checkpoints = model.activation_bytes();
  return measured;
}

Measured measure_on_threads(const ModelConfig& config, const Job& run) {
  Measured most;
  std::mutex mutex;
  run_thread_world(run.ranks, [&](Communicator& group) {
    const Measured own = measure(config, run, group);
    const std::lock_guard lock(mutex);
    most = larger(most, own);
  });
  return most;
}

MemoryParts predicted(const ModelConfig& config, const Job& run) {
  EnginePlan plan = run.plan;
  plan.dtype = dtype_of(run.dtype);
  plan.narrow_moments = run.narrow_moments;
  return pass_memory(config,
                     {.pass = run.pass,
                      .sequences = run.shape.sequences,
                      .length = run.shape.length / run.ranks,
                      .ring_ranks = run.ranks / run.heads,
                      .head_ranks = run.heads,
                      .all_ranks = run.ranks},
                     plan);
}

constexpr int64_t kAll = int64_t{1} << 40;
const CaseOptions kSmall = {.layers = 3,
                            .hidden = 128,
                            .heads = 8,
                            .kv_heads = 2,
                            .head_dim = 16,
                            .intermediate = 320,
                            .vocab = 256,
                            .sequences = 1,
                            .length = 1024};

CaseOptions with(CaseOptions shape, const std::function<void(CaseOptions&)>& change) {
  change(shape);
  return shape;
}

std::vector<Job> runs() {
  const CaseOptions many_heads = with(kSmall, [](auto& s) { s.kv_heads = 8; });
  const CaseOptions long_one = with(kSmall, [](auto& s) { s.length = 4096; });
  const CaseOptions batched = with(kSmall, [](auto& s) { s.sequences = 4; });
  const CaseOptions wide_mlp = with(kSmall, [](auto& s) { s.intermediate = 1600; });
  const CaseOptions large_vocabulary = with(kSmall, [](auto& s) { s.vocab = 9000; });
  const CaseOptions normed = with(kSmall, [](auto& s) {
    s.family = "qwen3";
    s.qk_norm = s.qkv_bias = true;
    s.hidden = 96;
  });
  const CaseOptions norms_after = with(kSmall, [](auto& s) {
    s.family = "olmo2";
    s.qk_norm = true;
  });
  const CaseOptions multiplied = with(kSmall, [](auto& s) {
    s.family = "granite";
    s.change = [](ModelConfig& config) { config.residual_multiplier = 0.5; };
  });
  const CaseOptions capped = with(kSmall, [](auto& s) {
    s.family = "gemma3_text";
    s.layers = 4;
    s.vocab = 4000;
    s.qk_norm = true;
    s.change = [](ModelConfig& config) {
      config.sliding_window = 100;
      config.sliding_layers = {true, false, true, false};
      config.local_rope_theta = 100;
      config.logit_softcap = 5;
    };
  });
  const EnginePlan tiled{.keep_bytes = 0, .tile_tokens = 256, .loss_tile_tokens = 128};
  const EnginePlan repeated{.save_attention = false, .keep_bytes = 0, .tile_tokens = 256};
  const EnginePlan in_groups{.head_groups = 2, .keep_bytes = 0, .tile_tokens = 256, .loss_tile_tokens = 128};
  const EnginePlan keeps_all{.keep_bytes = kAll, .tile_tokens = 512};
  const EnginePlan shares_gradients{
      .zero = ZeroStage::kGradients, .keep_bytes = 0, .tile_tokens = 256, .loss_tile_tokens = 128};
  const EnginePlan shares_weights{
      .zero = ZeroStage::kWeights, .keep_bytes = 0, .tile_tokens = 256, .loss_tile_tokens = 128};
  const CaseOptions tied = with(kSmall, [](auto& s) {
    s.tied = true;
    s.vocab = 4000;
    s.layers = 1;
  });
  const int64_t one_block = tokenwise_bytes(make_case(kSmall).config, 1024, 4);
  const EnginePlan keeps_one{.keep_bytes = one_block, .tile_tokens = 128};
  return {
      {"F32", kSmall, at::kFloat, 1, tiled},
      {"F64KeepsAll", many_heads, at::kDouble, 1, keeps_all},
      {"F32KeepsOneBlock", kSmall, at::kFloat, 1, keeps_one},
      {"BF16", long_one, at::kBFloat16, 1, tiled},
      {"BF16AttentionRepeated", kSmall, at::kBFloat16, 1, repeated},
      {"BF16OneTile", batched, at::kBFloat16, 1, {.keep_bytes = 0}},
      {"BF16WideMlp", wide_mlp, at::kBFloat16, 1, {.keep_bytes = 0}},
      {"F32LargeVocabulary", large_vocabulary, at::kFloat, 1, {.keep_bytes = 0}},
      {"BF16LargeVocabulary", large_vocabulary, at::kBFloat16, 1, tiled},
      {"BF16HeadNorms", normed, at::kBFloat16, 1, tiled},
      {"BF16NormsAfter", norms_after, at::kBFloat16, 1, tiled},
      {"F32NormsAfterKeepsAll", norms_after, at::kFloat, 1, keeps_all},
      {"F32NormsAfterEvaluate", norms_after, at::kFloat, 1, tiled, Pass::kEvaluate},
      {"F32Multiplied", multiplied, at::kFloat, 1, tiled},
      {"F32CapsAndTwoRopes", capped, at::kFloat, 1, tiled},
      {"F32WindowsTwoRanks", capped, at::kFloat, 2, tiled},
      {"F32TwoRanks", kSmall, at::kFloat, 2, tiled},
      {"F32FourRanks", long_one, at::kFloat, 4, tiled},
      {"F64FourRanksRepeated", many_heads, at::kDouble, 4, repeated},
      {"BF16FourRanks", long_one, at::kBFloat16, 4, tiled},
      {"F32FourRanksInGroups", long_one, at::kFloat, 4, in_groups},
      {"BF16FourRanksInGroups", long_one, at::kBFloat16, 4, in_groups},
      {"F32TwoShareHeads", kSmall, at::kFloat, 2, tiled, Pass::kTrain, false, 2},
      {"F32FourShareTwoKeyHeads", long_one, at::kFloat, 4, tiled, Pass::kTrain, false, 4},
      {"F64HeadsAndRingRepeated", many_heads, at::kDouble, 4, repeated, Pass::kTrain, false, 2},
      {"BF16HeadsAndRing", long_one, at::kBFloat16, 4, tiled, Pass::kTrain, false, 2},
      {"F32HeadsAndRingEvaluate", long_one, at::kFloat, 4, tiled, Pass::kEvaluate, false, 2},
      {"F32NarrowMoments", kSmall, at::kFloat, 1, tiled, Pass::kTrain, true},
      {"BF16NarrowMomentsTwoRanks", kSmall, at::kBFloat16, 2, tiled, Pass::kTrain, true},
      {"F32TwoRanksShareGradients", kSmall, at::kFloat, 2, shares_gradients},
      {"BF16FourRanksShareGradients", long_one, at::kBFloat16, 4, shares_gradients},
      {"F32TwoRanksShareWeights", kSmall, at::kFloat, 2, shares_weights},
      {"BF16FourRanksShareTiedWeights", tied, at::kBFloat16, 4, shares_weights},
      {"BF16FourRanksShareWeightsEvaluate", long_one, at::kBFloat16, 4, shares_weights, Pass::kEvaluate},
      {"F32Evaluate", long_one, at::kFloat, 1, tiled, Pass::kEvaluate},
      {"BF16EvaluateFourRanks", long_one, at::kBFloat16, 4, tiled, Pass::kEvaluate},
      {"F32FactorGradient", kSmall, at::kFloat, 1, tiled, Pass::kFactorGradient},
      {"BF16FactorGradientTwoRanks", long_one, at::kBFloat16, 2, tiled, Pass::kFactorGradient},
  };
}

class AccountingTest : public ::testing::TestWithParam<Job> {};

void expect_near(const char* part, int64_t formula, int64_t measured, double share) {
  EXPECT_NEAR(static_cast<double>(formula), static_cast<double>(measured),
              share * static_cast<double>(measured))
      << part;
}

TEST_P(AccountingTest, FormulasAreWhatIsAskedFor) {
  const Job& run = GetParam();
  const ModelConfig config = make_case(run.shape).config;
  const Measured measured = measure_on_threads(config, run);
  const MemoryParts formula = predicted(config, run);
  std::string all;
  for (const auto& [name, bytes] : formula.parts()) all += fmt::format("{} {}  ", name, bytes);
  SCOPED_TRACE(fmt::format("{}; engine asked for {}", all, measured.engine));
  expect_near("weights", formula.weights, measured.weights, 0);
  // A number per weight tensor is in no formula.
  const bool in_place = run.plan.zero == ZeroStage::kOptimizerState;
  expect_near("gradients", formula.gradients, measured.gradients, in_place ? 0 : 0.001);
  expect_near("optimizer", formula.optimizer, measured.optimizer, 0);
  if (run.pass != Pass::kEvaluate)
    expect_near("checkpoints", formula.checkpoints, measured.checkpoints, 0.001);
  const int64_t engine = formula.total() - formula.weights - formula.gradients - formula.optimizer;
  RecordProperty("engine_formula", fmt::format("{}", engine));
  RecordProperty("engine_measured", fmt::format("{}", measured.engine));
  // oneDNN's scratch is asked for as well, up to 3 % on a Zen 5, and is in no formula.
  expect_near("engine", engine, measured.engine, 0.08);
}

INSTANTIATE_TEST_SUITE_P(Runs, AccountingTest, ::testing::ValuesIn(runs()),
                         [](const auto& info) { return info.param.name; });

// How many tokens choose an expert is known only when they have: the formula counts all of a tile.
TEST(ExpertsTest, TakeAtMostWhatTheFormulaSays) {
  const CaseOptions shape = with(kSmall, [](auto& s) {
    s.family = "mixtral";
    s.change = [](ModelConfig& config) {
      config.num_experts = 8;
      config.experts_per_token = 2;
      config.normalized_experts = true;
    };
  });
  for (const Pass pass : {Pass::kTrain, Pass::kEvaluate}) {
    const Job run{"Experts", shape, at::kFloat, 1, {.keep_bytes = 0, .tile_tokens = 256}, pass};
    const ModelConfig config = make_case(shape).config;
    const Measured measured = measure_on_threads(config, run);
    const MemoryParts formula = predicted(config, run);
    EXPECT_EQ(formula.weights, measured.weights);
    const auto engine =
        static_cast<double>(formula.total() - formula.weights - formula.gradients - formula.optimizer);
    EXPECT_LE(static_cast<double>(measured.engine), 1.03 * engine);
    EXPECT_GE(static_cast<double>(measured.engine), 0.5 * engine);
  }
}

// Llama 3 8B's block in BF16, one of it: what a token costs beside the weights is what the block and its own
// checkpoint need.
TEST(TransientsTest, AreAtMost72KiBAToken) {
  ModelConfig config = llama_8b();
  config.num_layers = 1;
  config.vocab_size = 64;
  config.tie_word_embeddings = true;
  Job run{"8B", {.sequences = 1}, at::kBFloat16, 1, {.keep_bytes = 0, .tile_tokens = 64}};
  ResidentParameters store(config, run.dtype);
  store.flat_gradients();
  const auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  int64_t measured[2], formula[2];
  for (int i = 0; i < 2; ++i) {
    run.shape.length = 256 << i;
    MemoryMeter meter;
    CausalLM model(config, store, ring, run.plan);
    model.forward_backward(batch_of(config, run.shape, ring.split(), run.dtype), model.identity(), 1e-3);
    measured[i] = meter.peak_bytes();
    formula[i] = predicted(config, run).total();
  }
  const int64_t a_token = (measured[1] - measured[0]) / 256;
  RecordProperty("bytes_a_token", static_cast<int>(a_token));
  EXPECT_LE(a_token, 72 * 1024);
  expect_near("formula", (formula[1] - formula[0]) / 256, a_token, 0.01);
}

}  // namespace
}  // namespace ropeway::testing
