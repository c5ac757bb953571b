// What `auto` chooses for a GPU fits into it: steps of training with it do not run out of memory, and the
// pages taken from the device are what the formulas say and little more, whatever the allocator loses between
// its segments.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/pretend_gpu/engine_on_gpu.h"
#include "tests/pretend_gpu/pretend_gpu.h"

namespace ropeway::testing {
namespace {

// The blocks of a model of a billion parameters, fewer of them and a small vocabulary.
ModelConfig blocks_of_1b(int64_t layers) {
  ModelConfig config = llama_8b();
  config.num_layers = layers;
  config.hidden_size = 2048;
  config.num_heads = config.num_kv_heads = 16;
  config.intermediate_size = 5632;
  config.vocab_size = 4096;
  return config;
}

struct Case {
  int64_t length, gib;
  bool offload;  // what it takes to fit
  friend void PrintTo(const Case& c, std::ostream* out) {
    *out << c.length << " tokens in " << c.gib << " GiB";
  }
};
class FitsTest : public ::testing::TestWithParam<Case> {};

TEST_P(FitsTest, WhatAutoChooses) {
  const Case& c = GetParam();
  const int64_t bytes = c.gib << 30;
  setenv("PRETEND_GPU_MEMORY", std::to_string(bytes >> 20).c_str(), 1);
  GpuPass pass{blocks_of_1b(4), {.pass = Pass::kTrain, .length = c.length}};
  const StageRecipe stage = finetune(c.length);
  // A GiB is left for CUDA and its libraries, as a run does.
  pass.plan =
      plan_of(recipe_of(stage), {1, 1}, {.cuda = true, .bytes = bytes - (int64_t{1} << 30)}, pass.config);
  EXPECT_EQ(pass.plan.offload, c.offload);
  pretend::reset_peaks();
  run_gpu_pass(pass);
  const int64_t formula = pass_memory(pass.config, pass.shape, pass.plan).total();
  const int64_t taken = pretend::counts().device_peak;
  RecordProperty("formula", bytes_text(formula));
  RecordProperty("taken", bytes_text(taken));
  constexpr int64_t kCublasAndBatch = int64_t{64} << 20;
  EXPECT_LE(static_cast<double>(taken - kCublasAndBatch), 1.03 * static_cast<double>(formula))
      << bytes_text(taken) << " taken, " << bytes_text(formula) << " by the formula";
}

INSTANTIATE_TEST_SUITE_P(Lengths, FitsTest,
                         ::testing::Values(Case{32768, 8, false}, Case{65536, 11, false},
                                           Case{65536, 9, true}, Case{131072, 15, false},
                                           Case{131072, 12, true}, Case{262144, 25, false}));

}  // namespace
}  // namespace ropeway::testing
