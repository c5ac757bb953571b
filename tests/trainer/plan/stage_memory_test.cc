// What stages need, and what the recipe's autos become.
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/plan/cases.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

// 8.03e9 parameters: BF16 weights, F32 gradients, F32 masters and two moments over eight ranks.
TEST(StageMemory, OfTheModelIsThatOfItsParameters) {
  const double n = 8.0302e9;
  const StageRecipe stage = finetune(1 << 17);
  const MeshShape mesh{1, 8};
  const MemoryOptions options = memory_options(recipe_of(stage), llama_8b(), stage, mesh, {});
  const MemoryParts parts = stage_memory(llama_8b(), stage, mesh, options).parts;
  EXPECT_NEAR(static_cast<double>(parts.weights), 2 * n, 1e6);
  EXPECT_NEAR(static_cast<double>(parts.gradients), 4 * n, 2e6);
  EXPECT_NEAR(static_cast<double>(parts.optimizer), 12 * n / 8, 2e7);
  // Inputs of 8 KiB, outputs of as much and 128 bytes of log-sum-exp, 32 layers, 16K tokens; and one block
  // whose projections fit into the gigabyte that may be kept.
  const int64_t records = int64_t{1 << 14} * 32 * (8192 + 8192 + 128);
  const int64_t kept = int64_t{1 << 14} * 2 * (6144 + 4096 + 2 * 14336);
  EXPECT_EQ(parts.checkpoints, records + (kept <= kGiB ? kGiB / kept * kept : 0));
}

TEST(StageMemory, OfMicroBatchesIsThatOfOne) {
  const MeshShape mesh{2, 2};
  const auto passes = passes_of(finetune(4096, 32), mesh, false);
  ASSERT_EQ(passes.size(), 1u);
  EXPECT_EQ(passes[0].shape.length, 2048);
  EXPECT_EQ(passes[0].shape.sequences, 8);  // 16384 local tokens at once
  EXPECT_EQ(passes[0].shape.all_ranks, 4);
  EXPECT_EQ(passes_of(finetune(1 << 20), mesh, false)[0].shape.sequences, 1);
}

TEST(StageMemory, OfAGpuIsThatOfPaddedChunks) {
  const StageRecipe stage = finetune(10'000);
  EXPECT_EQ(passes_of(stage, {1, 4}, false)[0].shape.length, 2500);
  EXPECT_EQ(passes_of(stage, {1, 4}, true)[0].shape.length, 2560);
}

TEST(StageMemory, OfAnEvaluationIsThatOfItsLongestLength) {
  StageRecipe stage;
  stage.kind = StageKind::kEvaluate;
  stage.evaluate.lengths = {1024, 1 << 18, 4096};
  const MemoryOptions options;
  EXPECT_EQ(stage_memory(llama_8b(), stage, {1, 4}, options).pass.length, 1 << 18);
  EXPECT_EQ(passes_of(stage, {1, 4}, false)[0].shape.tokens(), 8192 / 4);
}

TEST(MemoryOptions, WithoutAGpuAreTheDefaults) {
  const StageRecipe stage = finetune(1 << 20);
  for (const DeviceMemory device :
       {DeviceMemory{false, 0}, DeviceMemory{false, kGiB}, DeviceMemory{true, 0}}) {
    const MemoryOptions options = memory_options(recipe_of(stage), llama_8b(), stage, {1, 8}, device);
    EXPECT_EQ(options.tile_tokens, 2048);
    EXPECT_EQ(options.loss_tile_tokens, 1024);
    EXPECT_FALSE(options.offload);
    EXPECT_EQ(options.keep_bytes, kGiB);
  }
}

// What a GPU has room for is kept, so that it need not be computed again; never at the price of anything
// else.
TEST(MemoryOptions, KeepWhatThereIsRoomFor) {
  const MeshShape mesh{1, 8};
  const auto kept = [&](int64_t length, int64_t gib, int64_t keep_bytes) {
    const StageRecipe stage = finetune(length);
    Recipe recipe = recipe_of(stage);
    recipe.engine.keep_bytes = keep_bytes;
    const MemoryOptions options = memory_options(recipe, llama_8b(), stage, mesh, {true, gib * kGiB});
    EXPECT_LE(stage_memory(llama_8b(), stage, mesh, options).parts.total(), gib * kGiB) << gib;
    return kept_blocks(llama_8b(), length / 8, options);
  };
  EXPECT_EQ(kept(1 << 15, 139, -1), 32);  // 4K tokens a rank: 304 MiB a block
  const int64_t some = kept(1 << 18, 139, -1);
  EXPECT_GT(some, 0);
  EXPECT_LT(some, 32);
  EXPECT_EQ(kept(1 << 20, 139, -1), 0);  // goes to host memory
  EXPECT_EQ(kept(1 << 15, 139, 0), 0);
  EXPECT_EQ(kept(1 << 15, 139, kGiB), 3);
}

// With less and less memory: first smaller tiles, then host memory, and a recipe that fits is never made not
// to.
TEST(MemoryOptions, FitWhateverCanBeMadeToFit) {
  const StageRecipe stage = finetune(1 << 18);
  const MeshShape mesh{1, 8};
  const Recipe recipe = recipe_of(stage);
  MemoryOptions least;
  least.dtype = DType::kBF16;
  least.cuda = least.offload = true;
  least.tile_tokens = 128;
  least.loss_tile_tokens = 64;
  const int64_t least_bytes = stage_memory(llama_8b(), stage, mesh, least).parts.total();
  bool offloaded = false;
  int64_t tile = 1 << 20;
  for (int64_t gib = 139; gib * kGiB >= least_bytes; --gib) {
    const MemoryOptions options = memory_options(recipe, llama_8b(), stage, mesh, {true, gib * kGiB});
    EXPECT_LE(stage_memory(llama_8b(), stage, mesh, options).parts.total(), gib * kGiB) << gib;
    if (options.offload && !offloaded) tile = 1 << 20;  // room again
    EXPECT_TRUE(options.offload || !offloaded) << gib;
    EXPECT_LE(options.tile_tokens, tile) << gib;
    EXPECT_EQ(options.loss_tile_tokens, options.tile_tokens / 2);
    offloaded = options.offload;
    tile = options.tile_tokens;
  }
  EXPECT_TRUE(offloaded);
  EXPECT_FALSE(memory_options(recipe, llama_8b(), stage, mesh, {true, 139 * kGiB}).offload);
}

TEST(MemoryOptions, OfTheRecipeStand) {
  const StageRecipe stage = finetune(1 << 20);
  Recipe recipe = recipe_of(stage);
  recipe.engine.tile_tokens = 4096;
  recipe.engine.loss_tile_tokens = 32;
  recipe.engine.activations = ActivationsPlace::kDevice;
  MemoryOptions options = memory_options(recipe, llama_8b(), stage, {1, 1}, {true, kGiB});
  EXPECT_EQ(options.tile_tokens, 4096);
  EXPECT_EQ(options.loss_tile_tokens, 32);
  EXPECT_FALSE(options.offload);
  recipe.engine.activations = ActivationsPlace::kHost;
  EXPECT_TRUE(memory_options(recipe, llama_8b(), stage, {1, 1}, {}).offload);
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
// share shrinks; at 128K tokens a rank the 8 KiB a token of the block's input and the 8.1 of its output fit
// beside them into 72.
TEST(PassMemory, TransientsOfABlockATokenOfAnEightBillionModel) {
  ModelConfig config = llama_8b();
  config.num_layers = 1;
  const auto a_token = [&](const MemoryOptions& options, int64_t tokens) {
    const auto transients = [&](int64_t count) {
      return pass_memory(config, {.length = count}, options).transients;
    };
    return static_cast<double>(transients(tokens)) / static_cast<double>(tokens) / 1024;
  };
  const MemoryOptions cpu{.dtype = DType::kBF16, .keep_bytes = 0, .tile_tokens = 128, .loss_tile_tokens = 64};
  MemoryOptions gpu = cpu;
  gpu.cuda = true;
  EXPECT_NEAR(a_token(cpu, 1 << 17), 52, 0.1);
  EXPECT_NEAR(a_token(gpu, 1 << 13), 40 + 32, 0.1);
  EXPECT_NEAR(a_token(gpu, 1 << 17), 40 + 12.0 / 8 + 4, 0.1);
  EXPECT_LE(a_token(gpu, 1 << 17) + 8 + 8.2, 72);
  EXPECT_LE(a_token(gpu, 1 << 18), a_token(gpu, 1 << 17));
}

}  // namespace
}  // namespace ropeway::testing
