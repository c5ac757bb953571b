// What plans decide and need.
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/plan/cases.h"
#include "trainer/plan/known_models.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

// 8.03e9 parameters: BF16 weights, F32 gradients, F32 masters and two moments over eight ranks.
TEST(PlanMemory, OfTheModelIsThatOfItsParameters) {
  const double n = 8.0302e9;
  const StageRecipe stage = finetune(1 << 17);
  const MeshShape mesh{1, 8};
  const MemoryParts parts = plan_memory(llama_8b(), plan_of(recipe_of(stage), mesh, {})).parts;
  EXPECT_NEAR(static_cast<double>(parts.weights), 2 * n, 1e6);
  EXPECT_NEAR(static_cast<double>(parts.gradients), 4 * n, 2e6);
  EXPECT_NEAR(static_cast<double>(parts.optimizer), 12 * n / 8, 2e7);
  // Inputs of 8 KiB, outputs of as much and 128 bytes of log-sum-exp, 32 layers, 16K tokens; and one block
  // whose projections fit into the gigabyte that may be kept.
  const int64_t records = int64_t{1 << 14} * 32 * (8192 + 8192 + 128);
  const int64_t kept = int64_t{1 << 14} * 2 * (6144 + 4096 + 2 * 14336);
  EXPECT_EQ(parts.checkpoints, records + (kept <= kGiB ? kGiB / kept * kept : 0));
}

TEST(PlanMemory, OfMicroBatchesIsThatOfOne) {
  const MeshShape mesh{2, 2};
  const auto passes = passes_of(plan_of(recipe_of(finetune(4096, 32)), mesh, {}));
  ASSERT_EQ(passes.size(), 1u);
  EXPECT_EQ(passes[0].shape.length, 2048);
  EXPECT_EQ(passes[0].shape.sequences, 8);  // 16384 local tokens at once
  EXPECT_EQ(passes[0].shape.all_ranks, 4);
  EXPECT_EQ(passes_of(plan_of(recipe_of(finetune(1 << 20)), mesh, {}))[0].shape.sequences, 1);
}

// A table of cosines and one of sines, 64 pairs in fp32, for each list of positions: all short windows of the
// stage while 256 MiB hold them, those of the longest batch in any case.
TEST(PlanMemory, WindowsWithPositionsOfTheirOwnHaveTablesOfTheirOwn) {
  const auto tables = [](int64_t length, int64_t steps, double share, int64_t skip) {
    StageRecipe stage = finetune(length, 10);
    stage.train().steps = steps;
    stage.train().short_share = share;
    stage.train().skip_target = skip;
    return plan_memory(llama_8b(), plan_of(recipe_of(stage), {1, 1}, {})).parts.tables;
  };
  const int64_t list = 2 * 64 * 4;
  EXPECT_EQ(tables(1024, 5, 0, 0), 1024 * list);
  EXPECT_EQ(tables(1024, 5, 0.3, 0), (1 + 15) * 1024 * list);
  EXPECT_EQ(tables(1024, 5, 0, 1 << 20), (1 + 50) * 1024 * list);
  EXPECT_EQ(tables(1024, 1'000'000, 0.3, 0), (int64_t{1} << 28) + 1024 * list);
  EXPECT_EQ(tables(1 << 20, 1'000'000, 0.3, 0), 2 * (int64_t{1} << 20) * list);
}

TEST(PlanMemory, OfAGpuIsThatOfPaddedChunks) {
  const Recipe recipe = recipe_of(finetune(10'000));
  EXPECT_EQ(passes_of(plan_of(recipe, {1, 4}, {}))[0].shape.length, 2500);
  EXPECT_EQ(passes_of(plan_of(recipe, {1, 4}, {.cuda = true}))[0].shape.length, 2560);
}

// Four chunks of a contiguous sequence, not eight of a zigzag one: 10,001 tokens become 10,004 or 10,008; on
// a GPU 10,240 or 11,264 for 11,000.
TEST(PlanMemory, IsOfSequencesPaddedForTheirPlacement) {
  const auto local_length = [](int64_t length, Placement placement, bool cuda) {
    Recipe recipe = recipe_of(finetune(length));
    recipe.mesh.placement = placement;
    return passes_of(plan_of(recipe, {1, 4}, {.cuda = cuda}))[0].shape.length;
  };
  EXPECT_EQ(local_length(10'001, Placement::kContiguous, false), 10'004 / 4);
  EXPECT_EQ(local_length(10'001, Placement::kZigzag, false), 10'008 / 4);
  EXPECT_EQ(local_length(10'500, Placement::kContiguous, true), 10'752 / 4);
  EXPECT_EQ(local_length(10'500, Placement::kZigzag, true), 11'264 / 4);
}

TEST(PlanMemory, OfAnEvaluationIsThatOfItsLongestLength) {
  StageRecipe stage;
  stage.set_kind(StageKind::kEvaluate);
  stage.evaluate().lengths = {1024, 1 << 18, 4096};
  const EnginePlan plan = plan_of(recipe_of(stage), {1, 4}, {});
  EXPECT_EQ(plan_memory(llama_8b(), plan).pass.length, 1 << 18);
  EXPECT_EQ(passes_of(plan)[0].shape.tokens(), 8192 / 4);
}

TEST(EnginePlan, WithoutAGpuAreTheDefaults) {
  for (const DeviceMemory device :
       {DeviceMemory{false, 0}, DeviceMemory{false, kGiB}, DeviceMemory{true, 0}}) {
    const EnginePlan options = plan_of(recipe_of(finetune(1 << 20)), {1, 8}, device);
    EXPECT_EQ(options.tile_tokens, 2048);
    EXPECT_EQ(options.loss_tile_tokens, 1024);
    EXPECT_FALSE(options.offload);
    EXPECT_EQ(options.keep_bytes, kGiB);
  }
}

// What a GPU has room for is kept, so that it need not be computed again; never at the price of anything
// else.
TEST(EnginePlan, KeepWhatThereIsRoomFor) {
  const MeshShape mesh{1, 8};
  const auto kept = [&](int64_t length, int64_t gib, int64_t keep_bytes) {
    Recipe recipe = recipe_of(finetune(length));
    recipe.engine.keep_bytes = keep_bytes;
    const EnginePlan plan = plan_of(recipe, mesh, {true, gib * kGiB});
    EXPECT_LE(plan_memory(llama_8b(), plan).parts.total(), gib * kGiB) << gib;
    return kept_blocks(llama_8b(), length / 8, 2, plan);
  };
  EXPECT_EQ(kept(1 << 15, 139, -1), 32);  // 4K tokens per rank: 304 MiB per block
  const int64_t some = kept(1 << 18, 139, -1);
  EXPECT_GT(some, 0);
  EXPECT_LT(some, 32);
  EXPECT_EQ(kept(1 << 20, 139, -1), 0);  // goes to host memory
  EXPECT_EQ(kept(1 << 15, 139, 0), 0);
  EXPECT_EQ(kept(1 << 15, 139, kGiB), 3);
}

// With less and less memory: first smaller tiles, then host memory, and a recipe that fits is never made not
// to.
TEST(EnginePlan, FitWhateverCanBeMadeToFit) {
  const MeshShape mesh{1, 8};
  const Recipe recipe = recipe_of(finetune(1 << 18));
  EnginePlan least = plan_of(recipe, mesh, {.cuda = true});
  least.offload = true;
  least.tile_tokens = 128;
  least.loss_tile_tokens = 64;
  const int64_t least_bytes = plan_memory(llama_8b(), least).parts.total();
  bool offloaded = false;
  int64_t tile = 1 << 20;
  for (int64_t gib = 139; gib * kGiB >= least_bytes; --gib) {
    const EnginePlan options = plan_of(recipe, mesh, {true, gib * kGiB});
    EXPECT_LE(plan_memory(llama_8b(), options).parts.total(), gib * kGiB) << gib;
    if (options.offload && !offloaded) tile = 1 << 20;  // room again
    EXPECT_TRUE(options.offload || !offloaded) << gib;
    EXPECT_LE(options.tile_tokens, tile) << gib;
    EXPECT_EQ(options.loss_tile_tokens, options.tile_tokens / 2);
    offloaded = options.offload;
    tile = options.tile_tokens;
  }
  EXPECT_TRUE(offloaded);
  EXPECT_FALSE(plan_of(recipe, mesh, {true, 139 * kGiB}).offload);
}

// With less and less memory ranks share out more, and never more than they must.
TEST(EnginePlan, RanksShareOutMoreWhereTheWorkFitsNoOtherWay) {
  const MeshShape mesh{1, 8};
  const Recipe recipe = recipe_of(finetune(1 << 15));
  ZeroStage stage = ZeroStage::kOptimizerState;
  for (int64_t gib = 139; gib >= 24; --gib) {
    const EnginePlan plan = plan_of(recipe, mesh, {true, gib * kGiB});
    EXPECT_LE(plan_memory(llama_8b(), plan).parts.total(), gib * kGiB) << gib;
    EXPECT_GE(plan.zero, stage) << gib;
    if (plan.zero > stage) {
      EnginePlan less = plan;
      less.zero = stage;
      less.tile_tokens = 128;
      less.loss_tile_tokens = 64;
      less.offload = true;
      less.keep_bytes = 0;
      EXPECT_GT(plan_memory(llama_8b(), less).parts.total(), gib * kGiB) << gib;
    }
    stage = plan.zero;
  }
  EXPECT_EQ(stage, ZeroStage::kWeights);
}

TEST(EnginePlan, NothingIsSharedOutByOneRankOrWithoutAGpu) {
  Recipe recipe = recipe_of(finetune(1 << 20));
  EXPECT_EQ(plan_of(recipe, {1, 8}, {}).zero, ZeroStage::kOptimizerState);
  EXPECT_EQ(plan_of(recipe, {1, 1}, {true, kGiB}).zero, ZeroStage::kOptimizerState);
  recipe.engine.zero = 3;
  EXPECT_EQ(plan_of(recipe, {1, 8}, {}).zero, ZeroStage::kWeights);
  EXPECT_EQ(plan_of(recipe, {8, 1}, {}).zero, ZeroStage::kWeights);
  EXPECT_EQ(plan_of(recipe, {1, 1}, {}).zero, ZeroStage::kOptimizerState);
  // Rows of the mesh evaluate different sequences: the ranks of one share weights, and of gradients there are
  // none.
  recipe.stages[0] = StageRecipe();
  recipe.stages[0].set_kind(StageKind::kEvaluate);
  recipe.stages[0].evaluate().lengths = {1 << 15};
  EXPECT_EQ(plan_of(recipe, {2, 4}, {}).zero, ZeroStage::kWeights);
  EXPECT_EQ(plan_of(recipe, {8, 1}, {}).zero, ZeroStage::kOptimizerState);
  recipe.engine.zero = 2;
  EXPECT_EQ(plan_of(recipe, {2, 4}, {}).zero, ZeroStage::kOptimizerState);
}

// What sharing out is for: lengths and models that GPUs of these sizes then hold. A tenth is left for what is
// in no formula.
TEST(EnginePlan, HoldsLongSequencesAndLargeModels) {
  struct Goal {
    const char* model;
    int64_t length;
    int gpus, gigabytes;
  };
  for (const Goal& goal : {Goal{"llama3_8b", 1 << 20, 8, 80}, Goal{"llama3_8b", 1 << 21, 8, 141},
                           Goal{"llama2_70b", 1 << 18, 32, 80}, Goal{"llama3_2_1b", 1 << 21, 1, 141}}) {
    const ModelConfig config = config_of(known_model(goal.model));
    const auto bytes = static_cast<int64_t>(0.9e9 * goal.gigabytes);
    const EnginePlan plan = plan_of(recipe_of(finetune(goal.length)), {1, goal.gpus}, {true, bytes}, config);
    const MemoryParts parts = plan_memory(config, plan).parts;
    EXPECT_LE(parts.total(), bytes) << goal.model << ": " << parts_text(parts);
  }
  // Weights that no GPU holds are evaluated by eight.
  const ModelConfig config = config_of(known_model("llama2_70b"));
  Recipe recipe = recipe_of(finetune(1 << 15));
  recipe.stages[0] = StageRecipe();
  recipe.stages[0].set_kind(StageKind::kEvaluate);
  recipe.stages[0].evaluate().lengths = {1 << 17};
  const EnginePlan plan = plan_of(recipe, {1, 8}, {true, int64_t{72'000'000'000}}, config);
  EXPECT_EQ(plan.zero, ZeroStage::kWeights);
  EXPECT_LE(plan_memory(config, plan).parts.total(), 72'000'000'000);
}

TEST(EnginePlan, OfTheRecipeStand) {
  Recipe recipe = recipe_of(finetune(1 << 20));
  recipe.engine.tile_tokens = 4096;
  recipe.engine.loss_tile_tokens = 32;
  recipe.engine.activations = ActivationsPlace::kDevice;
  const EnginePlan options = plan_of(recipe, {1, 1}, {true, kGiB});
  EXPECT_EQ(options.tile_tokens, 4096);
  EXPECT_EQ(options.loss_tile_tokens, 32);
  EXPECT_FALSE(options.offload);
  recipe.engine.activations = ActivationsPlace::kHost;
  EXPECT_TRUE(plan_of(recipe, {1, 1}, {}).offload);
}

// A step's 12 sequences over 2 rows are 6 on each; a rank of four holds 1024 tokens of each.
TEST(EnginePlan, RunsAsManySequencesAtOnceAsARankMayHold) {
  const auto at_once = [](int64_t micro_batch_tokens) {
    StageRecipe stage = finetune(4096, 12);
    stage.train().micro_batch_tokens = micro_batch_tokens;
    return plan_of(recipe_of(stage), {2, 4}, {}).micro_batch;
  };
  EXPECT_EQ(at_once(1), 1);
  EXPECT_EQ(at_once(1 << 11), 2);
  EXPECT_EQ(at_once((1 << 12) + 1023), 4);
  EXPECT_EQ(at_once(1 << 20), 6);
}

// Evaluation fills 8192 tokens; a search scores each document alone.
TEST(EnginePlan, ScoresShortSequencesTogether) {
  StageRecipe stage;
  stage.set_kind(StageKind::kEvaluate);
  stage.evaluate().lengths = {1000, 100'000};
  const EnginePlan evaluates = plan_of(recipe_of(stage), {1, 1}, {});
  EXPECT_EQ(scored_together(evaluates, 1000), 8);
  EXPECT_EQ(scored_together(evaluates, 100'000), 1);
  stage.set_kind(StageKind::kSearch);
  stage.search().length = 1000;
  EXPECT_EQ(scored_together(plan_of(recipe_of(stage), {1, 1}, {}), 1000), 1);
}

// What is asked for on a command line and by a stage of a recipe that says the same.
TEST(EnginePlan, IsTheSameForARequestWithoutARecipe) {
  StageRecipe stage;
  stage.set_kind(StageKind::kEvaluate);
  stage.evaluate().lengths = {1 << 18};
  const DeviceMemory device{true, 20 * kGiB};
  const EnginePlan of_stage = plan_of(recipe_of(stage), {1, 4}, device);
  const EnginePlan of_request = make_engine_plan(
      llama_8b(), {.work = {.lengths = {1 << 18}}, .dtype = DType::kBF16, .mesh = {1, 4}}, device);
  EXPECT_EQ(of_request.tile_tokens, of_stage.tile_tokens);
  EXPECT_EQ(of_request.keep_bytes, of_stage.keep_bytes);
  EXPECT_EQ(plan_memory(llama_8b(), of_request).parts.parts(),
            plan_memory(llama_8b(), of_stage).parts.parts());
}

// Of more slots the device holds more, until it holds all.
TEST(PlanMemory, OfOffloadIsThatOfItsSlots) {
  EnginePlan plan = plan_of(recipe_of(finetune(1 << 16)), {1, 1}, {});
  plan.keep_bytes = 0;
  const MemoryParts resident = plan_memory(llama_8b(), plan).parts;
  plan.offload = true;
  plan.offload_slots = 4;
  const MemoryParts offloaded = plan_memory(llama_8b(), plan).parts;
  EXPECT_EQ(offloaded.checkpoints * 8, resident.checkpoints);
  EXPECT_EQ(offloaded.host + offloaded.checkpoints, resident.checkpoints);
}

TEST(PassMemory, OfWhatNobodyCouldHoldIsRefused) {
  ModelConfig config = llama_8b();
  config.hidden_size = config.intermediate_size = 10'000'000;
  config.num_layers = 10'000;
  EXPECT_THROW(pass_memory(config, {.length = 1 << 30}, {}), Error);
  EXPECT_NO_THROW(pass_memory(llama_8b(), {.length = 1 << 30}, {}));
}

// Without the checkpoints; accounting_test.cc measures those of the CPU with one. On a GPU: the residual
// stream's gradient 8, q, k, v 12, attention's output gradient 8, its gradients 12 and a workspace whose
// share shrinks; at 128K tokens per rank the 8 KiB per token of the block's input and the 8.1 of its output
// fit beside them into 72.
TEST(PassMemory, TransientsOfABlockATokenOfAnEightBillionModel) {
  ModelConfig config = llama_8b();
  config.num_layers = 1;
  const auto a_token = [&](const EnginePlan& options, int64_t tokens) {
    const auto transients = [&](int64_t count) {
      return pass_memory(config, {.length = count}, options).transients;
    };
    return static_cast<double>(transients(tokens)) / static_cast<double>(tokens) / 1024;
  };
  const EnginePlan cpu{.dtype = DType::kBF16, .keep_bytes = 0, .tile_tokens = 128, .loss_tile_tokens = 64};
  EnginePlan gpu = cpu;
  gpu.cuda = true;
  EXPECT_NEAR(a_token(cpu, 1 << 17), 52, 0.1);
  EXPECT_NEAR(a_token(gpu, 1 << 13), 40 + 32, 0.1);
  EXPECT_NEAR(a_token(gpu, 1 << 17), 40 + 12.0 / 8 + 4, 0.1);
  EXPECT_LE(a_token(gpu, 1 << 17) + 8 + 8.2, 72);
  EXPECT_LE(a_token(gpu, 1 << 18), a_token(gpu, 1 << 17));
}

}  // namespace
}  // namespace ropeway::testing
