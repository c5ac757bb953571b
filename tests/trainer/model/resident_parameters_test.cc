#include "trainer/model/resident_parameters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <limits>

#include "kernels/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/weight_files.h"

namespace ropeway::testing {
namespace {

BlockTensors block_of(ResidentParameters& store, int64_t layer) {
  return store.acquire(ParameterUnit::block(layer), LeaseOf::kWeights).weights.block;
}

class ResidentParametersTest : public ::testing::Test {
 protected:
  ModelConfig config_ = make_case({}).config;
};

TEST_F(ResidentParametersTest, FusedProjectionsAreTheNamedWeightsBelowEachOther) {
  ResidentParameters store(config_, at::kDouble);
  store.flat_weights().copy_(at::arange(store.flat_weights().numel(), at::kDouble));
  const BlockTensors block = block_of(store, 1);
  const auto named = [&store](const char* part) {
    return store.weight(std::string("model.layers.1.") + part + ".weight");
  };
  EXPECT_TRUE(at::equal(
      block.qkv, at::cat({named("self_attn.q_proj"), named("self_attn.k_proj"), named("self_attn.v_proj")})));
  EXPECT_TRUE(at::equal(block.gate_up, at::cat({named("mlp.gate_proj"), named("mlp.up_proj")})));
  EXPECT_TRUE(at::equal(block.down, named("mlp.down_proj")));
}

TEST_F(ResidentParametersTest, ViewsShareTheFlatMemory) {
  ResidentParameters store(config_, at::kFloat);
  block_of(store, 0).down.fill_(3);
  EXPECT_EQ(store.flat_weights().sum().item<double>(),
            3.0 * static_cast<double>(config_.hidden_size * config_.intermediate_size));
  store.acquire(ParameterUnit::head(), LeaseOf::kGradients).gradients.final_norm.fill_(2);
  EXPECT_EQ(store.flat_gradients().sum().item<double>(), 2.0 * static_cast<double>(config_.hidden_size));
}

TEST_F(ResidentParametersTest, TiedHeadIsTheEmbedding) {
  config_.tie_word_embeddings = true;
  ResidentParameters store(config_, at::kFloat);
  const auto embedding = store.acquire(ParameterUnit::embedding(), LeaseOf::kWeightsAndGradients);
  const auto head = store.acquire(ParameterUnit::head(), LeaseOf::kWeightsAndGradients);
  EXPECT_EQ(head.weights.head.data_ptr(), embedding.weights.embedding.data_ptr());
  EXPECT_EQ(head.gradients.head.data_ptr(), embedding.gradients.embedding.data_ptr());
  EXPECT_EQ(store.flat_weights().numel(), config_.num_parameters());
}

TEST_F(ResidentParametersTest, ALeaseHasWhatWasAskedFor) {
  ResidentParameters store(config_, at::kFloat);
  const auto weights = store.acquire(ParameterUnit::head(), LeaseOf::kWeights);
  EXPECT_TRUE(weights.weights.head.defined() && weights.weights.final_norm.defined());
  EXPECT_FALSE(weights.weights.embedding.defined() || weights.weights.block.qkv.defined());
  EXPECT_FALSE(weights.gradients.head.defined());
  EXPECT_EQ(store.bytes().gradients, 0) << "nobody asked for gradients yet";
  const auto gradients = store.acquire(ParameterUnit::embedding(), LeaseOf::kGradients);
  EXPECT_TRUE(gradients.gradients.embedding.defined());
  EXPECT_FALSE(gradients.weights.embedding.defined());
  EXPECT_EQ(store.bytes().gradients, store.bytes().weights);
}

TEST_F(ResidentParametersTest, WeightsGoToTheHostWhereTheyAreWanted) {
  ResidentParameters store(config_, at::kFloat);
  EXPECT_TRUE(store.weights_on_host(false).empty());
  const std::vector<NamedTensor> weights = store.weights_on_host(true);
  ASSERT_EQ(weights.size(), store.names().size());
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(weights[i].name, store.names()[i].name);
    EXPECT_EQ(weights[i].tensor.sizes().vec(), store.names()[i].shape);
  }
}

TEST_F(ResidentParametersTest, RefusesAWeightOfAnotherShape) {
  ResidentParameters store(config_, at::kFloat);
  EXPECT_THROW(store.set_weight("model.norm.weight", at::arange(1, at::kFloat)), Error);
}

TEST_F(ResidentParametersTest, GradientsOfBFloat16WeightsAreFloat) {
  EXPECT_EQ(ResidentParameters(config_, at::kBFloat16).flat_gradients().scalar_type(), at::kFloat);
}

TEST_F(ResidentParametersTest, DecayLeavesNormsAlone) {
  ResidentParameters store(config_, at::kFloat);
  const int64_t norms = config_.hidden_size * (2 * config_.num_layers + 1);
  EXPECT_EQ(store.flat_parameters().decayed.count(), store.flat_weights().numel() - norms);
}

TEST_F(ResidentParametersTest, DecayedRangesHoldTheMatrices) {
  config_.qkv_bias = config_.qk_norm = true;
  ResidentParameters store(config_, at::kFloat);
  const FlatParameters flat = store.flat_parameters();
  for (const FlatRange& range : flat.decayed.ranges()) {
    flat.weights.narrow(0, range.begin, range.size()).fill_(3);
  }
  for (const NamedShape& named : store.names()) {
    const double wanted = named.shape.size() == 2 ? 3 : 0;
    EXPECT_EQ(store.weight(named.name).min().item<double>(), wanted) << named.name;
    EXPECT_EQ(store.weight(named.name).max().item<double>(), wanted) << named.name;
  }
}

TEST_F(ResidentParametersTest, DecayLeavesBiasesAndHeadNormsAlone) {
  const int64_t matrices = ResidentParameters(config_, at::kFloat).flat_parameters().decayed.count();
  config_.qkv_bias = config_.output_bias = config_.mlp_bias = config_.qk_norm = true;
  EXPECT_EQ(ResidentParameters(config_, at::kFloat).flat_parameters().decayed.count(), matrices);
}

TEST_F(ResidentParametersTest, InitializesBiasesToZeroAndHeadNormsToOne) {
  config_.qkv_bias = config_.mlp_bias = config_.qk_norm = true;
  ResidentParameters store(config_, at::kFloat);
  store.flat_weights().fill_(7);
  initialize_weights(store, config_, 1);
  const BlockTensors block = block_of(store, 1);
  for (const at::Tensor& bias : {block.qkv_bias, block.gate_up_bias, block.down_bias}) {
    EXPECT_TRUE((bias == 0).all().item<bool>());
  }
  EXPECT_TRUE((block.q_norm == 1).all().item<bool>() && (block.k_norm == 1).all().item<bool>());
}

TEST_F(ResidentParametersTest, WhatAModelHasNotIsUndefined) {
  ResidentParameters store(config_, at::kFloat);
  const BlockTensors block = block_of(store, 0);
  for (const at::Tensor& absent : {block.qkv_bias, block.attention_out_bias, block.gate_up_bias,
                                   block.down_bias, block.q_norm, block.k_norm}) {
    EXPECT_FALSE(absent.defined());
  }
}

// The same numbers under the fused names of Phi-3 and the separate ones of Llama: the same flat memory.
TEST_F(ResidentParametersTest, FusedNamesAreTheSameMemory) {
  ResidentParameters separate(config_, at::kDouble);
  config_.model_type = "phi3";
  ResidentParameters fused(config_, at::kDouble);
  for (ResidentParameters* store : {&separate, &fused}) {
    store->flat_weights().copy_(at::arange(store->flat_weights().numel(), at::kDouble));
  }
  EXPECT_TRUE(at::equal(fused.weight("model.layers.1.self_attn.qkv_proj.weight"), block_of(separate, 1).qkv));
  EXPECT_TRUE(at::equal(block_of(fused, 1).gate_up, block_of(separate, 1).gate_up));
  EXPECT_TRUE(at::equal(block_of(fused, 1).down, block_of(separate, 1).down));
}

TEST_F(ResidentParametersTest, InitializesByTheSeedAlone) {
  ResidentParameters a(config_, at::kFloat), b(config_, at::kFloat), other(config_, at::kFloat);
  initialize_weights(a, config_, 1);
  initialize_weights(b, config_, 1);
  initialize_weights(other, config_, 2);
  EXPECT_TRUE(at::equal(a.flat_weights(), b.flat_weights()));
  EXPECT_FALSE(at::equal(a.flat_weights(), other.flat_weights()));
}

TEST_F(ResidentParametersTest, InitializesResidualProjectionsSmaller) {
  config_.hidden_size = 200;
  config_.intermediate_size = 300;
  ResidentParameters store(config_, at::kDouble);
  initialize_weights(store, config_, 1);
  const auto deviation = [](const at::Tensor& w) { return w.pow(2).mean().sqrt().item<double>(); };
  // 60,000 draws: the deviation is known to 0.3 %.
  EXPECT_NEAR(deviation(store.weight("model.layers.0.mlp.up_proj.weight")), 0.02, 0.02 * 0.015);
  EXPECT_NEAR(deviation(store.weight("model.layers.0.mlp.down_proj.weight")), 0.01, 0.01 * 0.015);
  EXPECT_TRUE((store.weight("model.norm.weight") == 1).all().item<bool>());
}

TEST_F(ResidentParametersTest, ReadsBackWhatItWroteInAnotherType) {
  const auto path = std::filesystem::temp_directory_path() / ("ropeway_store_" + std::to_string(::getpid()));
  ResidentParameters store(config_, at::kBFloat16);
  initialize_weights(store, config_, 4);
  save_model_dir(path, config_, {}, tensors_to_write(store.weights_on_host(true)),
                 {.copy_small_files_from = {}, .in_force = "", .replace = true});
  ResidentParameters read(config_, at::kFloat);
  load_weights(read, open_model_dir(path));
  EXPECT_TRUE(at::equal(read.flat_weights(), store.flat_weights().to(at::kFloat)));
  std::filesystem::remove_all(path);
}

TEST_F(ResidentParametersTest, WeightsThatAreNotFiniteAreNotLoaded) {
  const TempDir folder;
  ResidentParameters store(config_, at::kFloat);
  initialize_weights(store, config_, 4);
  store.weight("model.norm.weight")[1] = std::numeric_limits<float>::infinity();
  save_model_dir(folder / "model", config_, {}, tensors_to_write(store.weights_on_host(true)), {});
  ResidentParameters read(config_, at::kFloat);
  expect_error(ErrorKind::kNumerics, {"model.norm.weight: 1 of", "NaN or infinite"},
               [&] { load_weights(read, open_model_dir(folder / "model")); });
}

}  // namespace
}  // namespace ropeway::testing
