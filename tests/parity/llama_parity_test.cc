// The engine against transformers' LlamaForCausalLM in F32, through files: a random model is saved as a model
// directory with short and long longrope factors, transformers loads that directory, and so does the engine.
// Per-token losses and the gradient of every weight are compared at lengths below, at, one above and far
// above the original window.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "kernels/base/random.h"
#include "tests/trainer/rope/python_oracle.h"
#include "trainer/io/model_dir.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kWindow = 32;
constexpr int64_t kSequences = 2;

struct Family {
  const char* name;
  int64_t hidden, heads, kv_heads, head_dim, intermediate, vocab;
  bool tied;
  bool longrope;
  friend std::ostream& operator<<(std::ostream& out, const Family& family) { return out << family.name; }
};

ModelConfig config_of(const Family& f) {
  ModelConfig config;
  config.hidden_size = f.hidden;
  config.num_heads = f.heads;
  config.num_kv_heads = f.kv_heads;
  config.head_dim = f.head_dim;
  config.intermediate_size = f.intermediate;
  config.vocab_size = f.vocab;
  config.num_layers = 3;
  config.tie_word_embeddings = f.tied;
  config.original_window = kWindow;
  config.rope_theta = 1000;
  return config;
}

// config.json has one attention factor for both lists.
FactorSet factor_set(const ModelConfig& config, const char* name, int64_t length, double highest) {
  FactorSet set;
  set.name = name;
  set.max_length = length;
  set.original_length = kWindow;
  set.rope_theta = config.rope_theta;
  const int64_t pairs = config.rotary_pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    set.factors.push_back(std::pow(highest, static_cast<double>(i + 1) / static_cast<double>(pairs)));
  }
  set.attention_temperature = 1.17;
  return set;
}

at::Tensor random_ids(int64_t length, int64_t vocab, uint64_t which) {
  Philox draws(7, Stream::kEvaluation, which);
  at::Tensor ids = at::empty({kSequences, length}, at::kLong);
  for (int64_t i = 0; i < ids.numel(); ++i) {
    ids.data_ptr<int64_t>()[i] = static_cast<int64_t>(draws.below(static_cast<uint64_t>(vocab)));
  }
  return ids;
}

at::Tensor tensor_of(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo& info = file.tensors().at(name);
  EXPECT_EQ(info.dtype, DType::kF32) << name;
  return at::from_blob(const_cast<std::byte*>(file.data(name).data()), info.shape, at::kFloat);
}

class LlamaParityTest : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("ropeway_parity_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path batch_file(const char* what, int64_t length) const {
    return folder_ / fmt::format("{}_{}.safetensors", what, length);
  }
  void save_model(const ModelConfig& config, const std::vector<FactorSet>& sets) const {
    ResidentParameters store(config, at::kFloat);
    store.initialize(11);
    // Larger than at initialization, so that attention is far from uniform.
    for (const NamedShape& named : store.names())
      store.weight(named.name).mul_(named.shape.size() == 1 ? 1.3 : 5);
    save_model_dir(folder_ / "model", config, sets, store.tensors_to_write(), {});
  }
  void ask_oracle(const std::vector<LocalBatch>& batches) const {
    for (const LocalBatch& batch : batches) {
      const std::vector<int64_t> shape = batch.tokens.sizes().vec();
      write_safetensors(batch_file("batch", shape[1]),
                        {{"tokens", DType::kI64, shape, batch.tokens.const_data_ptr()},
                         {"labels", DType::kI64, shape, batch.labels.const_data_ptr()}});
    }
    run_python(fmt::format("import sys, runpy\nsys.argv = ['', '{}', '{}']\nrunpy.run_path('{}')\n",
                           (folder_ / "model").string(), folder_.string(),
                           std::string(ROPEWAY_SOURCE_DIR) + "/tests/parity/llama_oracle.py"));
  }

  std::filesystem::path folder_;
};

TEST_P(LlamaParityTest, TransformersAgrees) {
  ROPEWAY_NEEDS_PYTHON();
  const Family family = GetParam();
  const ModelConfig config = config_of(family);
  std::vector<FactorSet> sets;
  if (family.longrope) {
    sets = {factor_set(config, "short", kWindow, 1.6), factor_set(config, "long", 8 * kWindow, 11)};
  }
  save_model(config, sets);

  std::vector<LocalBatch> batches;
  for (const int64_t length : {kWindow - 5, kWindow, kWindow + 1, 6 * kWindow}) {
    LocalBatch batch;
    batch.tokens = random_ids(length, config.vocab_size, static_cast<uint64_t>(length));
    batch.labels = random_ids(length, config.vocab_size, static_cast<uint64_t>(length) + 1000);
    batch.labels.narrow(1, 0, 3).fill_(-100);
    for (int64_t t = 0; t < length; ++t) batch.positions.push_back(t);
    batches.push_back(batch);
  }
  ask_oracle(batches);
  ASSERT_FALSE(HasFailure());

  const ModelDir dir = open_model_dir(folder_ / "model");
  ResidentParameters store(dir.config, at::kFloat);
  store.load(dir);
  auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  CausalLM model(dir.config, store, ring, {});
  for (const LocalBatch& batch : batches) {
    const int64_t length = batch.tokens.size(1);
    SCOPED_TRACE(fmt::format("length {}", length));
    const SafetensorsFile oracle = SafetensorsFile::open(batch_file("oracle", length));
    const FactorSet factors = select_factor_set(dir.sets, length, model.identity());
    EXPECT_EQ(factors.name, !family.longrope ? "none" : (length <= kWindow ? "short" : "long"));

    const CausalLM::TokenResults found = model.evaluate(batch, factors);
    EXPECT_LE((found.nll - tensor_of(oracle, "nll")).abs().max().item<double>(), 1e-4);
    const at::Tensor best = tensor_of(oracle, "logits").argmax(-1);
    EXPECT_TRUE(((found.correct == (best == batch.labels)) | (batch.labels < 0)).all().item<bool>());

    store.flat_gradients().zero_();
    model.forward_backward(batch, factors, 1 / (batch.labels >= 0).sum().item<double>());
    for (const NamedShape& named : store.names()) {
      const at::Tensor expected = tensor_of(oracle, "gradient of " + named.name);
      const double error = (store.gradient(named.name) - expected).norm().item<double>();
      EXPECT_LE(error, 1e-4 * expected.norm().item<double>()) << named.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, LlamaParityTest,
                         ::testing::Values(Family{"longrope_grouped_query", 32, 4, 2, 8, 56, 61, false, true},
                                           Family{"longrope_tied_odd_sizes", 27, 3, 3, 10, 43, 37, true,
                                                  true},
                                           Family{"longrope_multi_query", 24, 4, 1, 16, 40, 50, false, true},
                                           Family{"plain_rope", 32, 4, 2, 8, 56, 61, false, false}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway::testing
