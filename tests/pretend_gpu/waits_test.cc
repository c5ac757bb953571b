// The host queues a pass without waiting for the device: how often it waits does not depend on the number of
// layers, and not on the number of hops on the ring.
#include <gtest/gtest.h>

#include "tests/pretend_gpu/engine_on_gpu.h"

namespace ropeway::testing {
namespace {

ModelConfig small_model(int64_t layers) {
  return make_config(
      {.vocab = 512, .hidden = 256, .intermediate = 512, .layers = layers, .head_dim = 64, .window = 1024});
}

struct Case {
  const char* name;
  Pass pass;
  int ranks = 1;
  std::function<void(GpuPass&)> change = {};
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

class WaitsTest : public ::testing::TestWithParam<Case> {};

int64_t waits(const Case& c, int64_t layers, int64_t tile_tokens) {
  GpuPass pass{small_model(layers), {.pass = c.pass, .length = 1024, .ring_ranks = c.ranks, .all_ranks = 1}};
  pass.plan.tile_tokens = tile_tokens;
  pass.plan.loss_tile_tokens = tile_tokens / 2;
  if (c.change) c.change(pass);
  return run_gpu_pass(pass).waits;
}

TEST_P(WaitsTest, GrowWithNeitherLayersNorTiles) {
  const int64_t few = waits(GetParam(), 2, 512);
  RecordProperty("waits", static_cast<int>(few));
  EXPECT_EQ(waits(GetParam(), 8, 512), few) << "in eight layers, and in two";
  EXPECT_EQ(waits(GetParam(), 2, 128), few) << "in tiles of 128 tokens, and of 512";
}

void offloads(GpuPass& p) { p.plan.offload = true; }
void repeats_attention(GpuPass& p) { p.plan.save_attention = false; }
void keeps_nothing(GpuPass& p) { p.plan.keep_bytes = 0; }
void three_sequences(GpuPass& p) { p.shape.sequences = 3; }
void partly_rotates(GpuPass& p) { p.config.rotary_dim = 48; }
void heads_of_256(GpuPass& p) { p.config.head_dim = 256; }  // attention is FlashAttention 2
void norms_and_biases(GpuPass& p) {
  p.config.model_type = "qwen3";
  p.config.qk_norm = p.config.qkv_bias = p.config.output_bias = p.config.mlp_bias = true;
}

INSTANTIATE_TEST_SUITE_P(Passes, WaitsTest,
                         ::testing::Values(Case{"Train", Pass::kTrain}, Case{"Evaluate", Pass::kEvaluate},
                                           Case{"FactorGradient", Pass::kFactorGradient},
                                           Case{"TrainOnRingOfTwo", Pass::kTrain, 2},
                                           Case{"TrainOnRingOfFour", Pass::kTrain, 4},
                                           Case{"EvaluateOnRingOfFour", Pass::kEvaluate, 4},
                                           Case{"FactorGradientOnRingOfTwo", Pass::kFactorGradient, 2},
                                           Case{"TrainOffloaded", Pass::kTrain, 1, offloads},
                                           Case{"TrainOffloadedOnRing", Pass::kTrain, 2, offloads},
                                           Case{"TrainAttentionRepeated", Pass::kTrain, 1, repeats_attention},
                                           Case{"TrainNothingKept", Pass::kTrain, 1, keeps_nothing},
                                           Case{"TrainBatched", Pass::kTrain, 1, three_sequences},
                                           Case{"TrainHeadNormsAndBiases", Pass::kTrain, 1, norms_and_biases},
                                           Case{"TrainPartialRotary", Pass::kTrain, 1, partly_rotates},
                                           Case{"TrainWideHeads", Pass::kTrain, 1, heads_of_256}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway::testing
