// FLOPs against figures computed elsewhere, and the ring's bytes counted by hand.
#include "trainer/plan/work_model.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/plan/cases.h"
#include "trainer/plan/device_rates.h"

namespace ropeway::testing {
namespace {

// 2 FLOPs per weight and token: 8.03e9 parameters less the embedding, which is looked up.
TEST(WorkModel, ForwardIsTwoFlopsAWeight) {
  const Work work = pass_work(llama_8b(), Pass::kEvaluate, 1000, {});
  EXPECT_NEAR(work.dense, 2 * 1000 * (8.03e9 - 128256.0 * 4096), 0.001 * work.dense);
}

TEST(WorkModel, AttentionIsCountedCausally) {
  const double s = 1 << 20, width = 4096, layers = 32;
  const Work work = pass_work(llama_8b(), Pass::kTrain, 1 << 20, {});
  EXPECT_DOUBLE_EQ(work.attention_forward, 2 * s * s * width * layers);
  EXPECT_DOUBLE_EQ(work.attention_backward, 5 * s * s * width * layers);
  EXPECT_DOUBLE_EQ(pass_work(llama_8b(), Pass::kTrain, 1 << 20, {.save_attention = false}).attention_backward,
                   7 * s * s * width * layers);
}

// Through a window w a query sees w keys where there are that many before it: w S - w^2 / 2 pairs.
TEST(WorkModel, WindowsAreCountedByLayer) {
  ModelConfig config = llama_8b();
  config.sliding_window = 4096;
  config.sliding_layers.assign(32, true);
  config.sliding_layers[7] = false;
  const double s = 1 << 20, w = 4096, width = 4096;
  const Work work = pass_work(config, Pass::kEvaluate, 1 << 20, {});
  const double pairs = 31 * (w * s - w * w / 2) + s * s / 2;
  EXPECT_NEAR(work.attention_forward, 4 * width * pairs, 1e-9 * work.attention_forward);
  EXPECT_EQ(pass_work(config, Pass::kEvaluate, 4096, {}).attention_forward,
            pass_work(llama_8b(), Pass::kEvaluate, 4096, {}).attention_forward);
}

// Documents of 4096 tokens: 256 of them, of which each sees itself alone.
TEST(WorkModel, DocumentsApartAttendToThemselves) {
  const double s = 1 << 20, d = 4096, width = 4096, layers = 32;
  const Work apart = pass_work(llama_8b(), Pass::kTrain, 1 << 20, {.document = 4096});
  EXPECT_DOUBLE_EQ(apart.attention_forward, 2 * (s / d) * d * d * width * layers);
  EXPECT_EQ(apart.dense, pass_work(llama_8b(), Pass::kTrain, 1 << 20, {}).dense);
  EXPECT_EQ(pass_work(llama_8b(), Pass::kTrain, 2048, {.document = 4096}).attention_forward,
            pass_work(llama_8b(), Pass::kTrain, 2048, {}).attention_forward);
}

// Mixtral 8x7B: 46.7e9 parameters, 12.9e9 of them used for a token (its paper), less the embedding.
TEST(WorkModel, OfExpertsOnlyTheChosenOnesWork) {
  ModelConfig config = make_config({.family = "mixtral",
                                    .vocab = 32000,
                                    .hidden = 4096,
                                    .intermediate = 14336,
                                    .layers = 32,
                                    .heads = 32,
                                    .kv_heads = 8,
                                    .head_dim = 128,
                                    .window = 32768});
  config.num_experts = 8;
  config.experts_per_token = 2;
  EXPECT_NEAR(static_cast<double>(config.num_parameters()), 46.7e9, 0.05e9);
  const Work work = pass_work(config, Pass::kEvaluate, 1000, {});
  EXPECT_NEAR(work.dense, 2 * 1000 * (12.88e9 - 32000.0 * 4096), 0.002 * work.dense);
}

// Steps of Llama 3 8B on one H200 at 688/581 TF/s of attention and 650 of products, attention's output kept:
// 127 s at 256K, 462 at 512K, 1754 at 1M, 6827 at 2M, computed by hand for the project's design.
TEST(WorkModel, StepsTakeWhatWasComputedByHand) {
  const DeviceRates h200 = find_device("h200");
  for (const auto& [length, seconds] :
       {std::pair{1 << 18, 127.0}, {1 << 19, 462.0}, {1 << 20, 1754.0}, {1 << 21, 6827.0}}) {
    const Work work = pass_work(llama_8b(), Pass::kTrain, length, {});
    const AttentionRate rate = h200.attention_at(length, 128);
    const double found = 1e-12 * (work.dense / h200.product + work.attention_forward / rate.forward +
                                  work.attention_backward / rate.backward);
    EXPECT_NEAR(found, seconds, 0.02 * seconds) << length;
  }
}

TEST(WorkModel, KeptBlocksComputeNothingAgain) {
  const Work again = pass_work(llama_8b(), Pass::kTrain, 4096, {});
  const Work kept = pass_work(llama_8b(), Pass::kTrain, 4096, {.kept_blocks = 32});
  const double weights = 7.505e9;  // without the embedding
  EXPECT_NEAR(kept.dense, 6 * weights * 4096, 0.001 * kept.dense);
  EXPECT_GT(again.dense, kept.dense);
  EXPECT_LT(again.dense, 8 * weights * 4096);
}

// Four ranks, 1000 local tokens, 2 x 1024 values per token and layer: three hops of BF16 keys and values; in
// backward three more, and four of F32 gradients.
TEST(AttentionTraffic, IsThatOfTheHops) {
  const double pair = 1000.0 * 2 * 1024 * 32;
  const AttentionTraffic traffic = attention_traffic(llama_8b(), Pass::kTrain, 1000, {1, 4}, DType::kBF16);
  EXPECT_DOUBLE_EQ(traffic.ring_forward, 3 * pair * 2);
  EXPECT_DOUBLE_EQ(traffic.ring_backward, 3 * pair * 2 + 4 * pair * 4);
  EXPECT_EQ(traffic.heads, 0);
  EXPECT_EQ(attention_traffic(llama_8b(), Pass::kTrain, 1000, {}, DType::kBF16).total(), 0);
}

// 8 key heads of 128 between 2 and between 16 neighbours: with 16 each has one, and 16 are sent for the 8
// there are.
TEST(AttentionTraffic, IsThatOfTheExchangeForHeads) {
  const double queries = 1000.0 * 4096 * 32, pair = 1000.0 * 2 * 1024 * 32;
  const AttentionTraffic two = attention_traffic(llama_8b(), Pass::kEvaluate, 1000, {1, 4, 2}, DType::kBF16);
  EXPECT_DOUBLE_EQ(two.ring_forward, pair * 2);
  EXPECT_DOUBLE_EQ(two.heads, 0.5 * (2 * queries + pair) * 2);
  const AttentionTraffic many = attention_traffic(llama_8b(), Pass::kTrain, 1000, {1, 16, 16}, DType::kBF16);
  EXPECT_EQ(many.ring_forward + many.ring_backward, 0);
  EXPECT_DOUBLE_EQ(many.heads, 15.0 / 16 * ((5 * queries + 4 * pair) * 2 + (queries + 2 * pair) * 4));
}

TEST(DeviceRates, LieBetweenTheTablesFigures) {
  const DeviceRates h200 = find_device("h200");
  EXPECT_DOUBLE_EQ(h200.attention_at(32768, 128).forward, 688);
  EXPECT_DOUBLE_EQ(h200.attention_at(1 << 21, 128).backward, 581);
  const AttentionRate between = h200.attention_at(6000, 128);
  EXPECT_GT(between.forward, 591);
  EXPECT_LT(between.forward, 644);
  EXPECT_LT(h200.attention_at(512, 128).forward, 484);
  EXPECT_LT(h200.attention_at(32768, 64).forward, 688);
}

TEST(DeviceRates, OfAnUnknownGpuAreRefusedWithTheNearestName) {
  try {
    find_device("h20");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_NE(std::string(error.what()).find("did you mean h200?"), std::string::npos) << error.what();
  }
}

TEST(DeviceRates, AreFoundByTheNameCudaGives) {
  for (const auto& [name, device] : {std::pair{"NVIDIA H200", "h200"},
                                     {"NVIDIA H100 80GB HBM3", "h100"},
                                     {"NVIDIA A100-SXM4-80GB", "a100"}}) {
    const auto found = device_called_by_cuda(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found->name, device);
  }
  for (const char* name :
       {"NVIDIA GeForce RTX 4090", "NVIDIA GH200 480GB", "NVIDIA H100 PCIe", "NVIDIA H200 NVL"}) {
    EXPECT_FALSE(device_called_by_cuda(name)) << name;
  }
}

}  // namespace
}  // namespace ropeway::testing
