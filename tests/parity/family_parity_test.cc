// The engine against transformers in F32, through files: random models of every family are saved as model
// directories, transformers loads those directories, and so does the engine. The log-probability of every
// token of the vocabulary and the gradient of every weight are compared at lengths below, at, one above and
// far above the original window, with other factors below it than above. Every model is exported as well, and
// transformers' reading of the exported directory compared with the engine's of the model itself.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "kernels/base/random.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parity/family_models.h"
#include "tests/support/python.h"
#include "trainer/family/sliding_window.h"
#include "trainer/family/weight_names.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/weight_files.h"

namespace ropeway::testing {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSequences = 2;

const std::vector<int64_t> kLengths{kWindow - 5, kWindow, kWindow + 1, kLongest};
const std::vector<int64_t> kExportedLengths{kWindow, kWindow + 1, kLongest};

LocalBatch random_batch(int64_t length, int64_t vocab) {
  const auto ids = [&](uint64_t which) {
    Philox draws(7, Stream::kEvaluation, which);
    at::Tensor result = at::empty({kSequences, length}, at::kLong);
    for (int64_t i = 0; i < result.numel(); ++i) {
      result.data_ptr<int64_t>()[i] = static_cast<int64_t>(draws.below(static_cast<uint64_t>(vocab)));
    }
    return result;
  };
  LocalBatch batch;
  batch.tokens = ids(static_cast<uint64_t>(length));
  batch.labels = ids(static_cast<uint64_t>(length) + 1000);
  batch.labels.narrow(1, 0, 3).fill_(kIgnoredLabel);
  batch.layout = SequenceLayout({.placement = Placement::kContiguous}, kSequences, length);
  return batch;
}

void write_batches(const fs::path& folder, const FamilyCase& c, const std::vector<int64_t>& lengths) {
  for (const int64_t length : lengths) {
    const LocalBatch batch = random_batch(length, c.config.vocab_size);
    const std::vector<int64_t> shape = batch.tokens.sizes().vec();
    write_safetensors(folder / fmt::format("batch_{}.safetensors", length),
                      {{"tokens", DType::kI64, shape, batch.tokens.const_data_ptr()},
                       {"labels", DType::kI64, shape, batch.labels.const_data_ptr()}});
  }
}

void export_model(const fs::path& source, const fs::path& target) {
  const ModelDir model = open_model_dir(source);
  export_hf(
      {.model = model, .base = source, .deployments = choose_export_factors(model.config, model.sets, {})},
      target);
}

at::Tensor tensor_of(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo& info = file.tensors().at(name);
  EXPECT_EQ(info.dtype, DType::kF32) << name;
  return at::from_blob(const_cast<std::byte*>(file.data(name).data()), info.shape, at::kFloat);
}

// All cases in one folder, asked about in one run of Python: its start takes longer than the rest.
class Oracle {
 public:
  Oracle() : root_(fs::temp_directory_path() / ("ropeway_parity_" + std::to_string(::getpid()))) {
    for (const FamilyCase& c : family_cases()) {
      const fs::path folder = root_ / c.name;
      fs::create_directories(folder);
      write_model(folder / "model", c);
      if (c.bf16) write_file_atomically(folder / "bf16", "");
      write_batches(folder, c, kLengths);
      const fs::path exported = exported_folder(folder);
      export_model(folder / "model", exported / "model");
      write_batches(exported, c, kExportedLengths);
    }
    run_python(fmt::format("import sys, runpy\nsys.argv = ['', '{}']\nrunpy.run_path('{}')\n", root_.string(),
                           std::string(ROPEWAY_SOURCE_DIR) + "/tests/parity/family_oracle.py"));
  }
  ~Oracle() { fs::remove_all(root_); }

  static fs::path exported_folder(const fs::path& folder) { return folder.string() + "_exported"; }
  static fs::path folder_of(const FamilyCase& c) {
    static const Oracle oracle;
    return oracle.root_ / c.name;
  }

 private:
  fs::path root_;
};

class FamilyParity : public ::testing::TestWithParam<FamilyCase> {
 protected:
  void SetUp() override {
    ROPEWAY_NEEDS_PYTHON();
    folder_ = Oracle::folder_of(GetParam());
  }
  SafetensorsFile oracle(int64_t length) const { return oracle_in(folder_, length); }
  static SafetensorsFile oracle_in(const fs::path& folder, int64_t length) {
    return SafetensorsFile::open(folder / fmt::format("oracle_{}.safetensors", length));
  }
  // Errors are kept for --gtest_output=json.
  void record(const char* what, double error) {
    worst_ = std::max(worst_, error);
    RecordProperty(what, fmt::format("{:.2e}", worst_));
  }

  fs::path folder_;
  double worst_ = 0;
};
class FamilyParityInBF16 : public FamilyParity {};

// A model directory as the engine runs it.
struct Opened {
  explicit Opened(const fs::path& folder, at::ScalarType dtype)
      : dir(honouring_windows(open_model_dir(folder))), store(dir.config, dtype) {
    load_weights(store, dir);
  }
  FactorSet factors(int64_t length) { return select_factor_set(dir.sets, length, model.identity()); }

  // [B, L, V]: the loss of each token of the vocabulary as the label, one after the other.
  at::Tensor log_probabilities(const LocalBatch& batch) {
    std::vector<at::Tensor> columns;
    for (int64_t v = 0; v < dir.config.vocab_size; ++v) {
      LocalBatch labelled = batch;
      labelled.labels = at::full_like(batch.labels, v);
      const at::Tensor nll = model.evaluate(labelled, factors(batch.tokens.size(1))).nll;
      columns.push_back(-nll.unsqueeze(2));
    }
    return at::cat(columns, 2);
  }

  static ModelDir honouring_windows(ModelDir dir) {
    honour_window(dir.config);
    return dir;
  }

  ModelDir dir;
  ResidentParameters store;
  std::unique_ptr<Communicator> world = make_world_of_one();
  RingAttention ring{*world, Placement::kContiguous};
  CausalLM model{dir.config, store, ring, {}};
};

TEST_P(FamilyParity, LogitsAreThoseOfTransformers) {
  Opened ours(folder_ / "model", at::kFloat);
  for (const int64_t length : kLengths) {
    SCOPED_TRACE(fmt::format("length {}", length));
    if (GetParam().longrope) {
      EXPECT_EQ(ours.factors(length).name, length <= kWindow ? "short" : "long");
    }
    const at::Tensor expected = tensor_of(oracle(length), "logits").log_softmax(-1);
    const at::Tensor found = ours.log_probabilities(random_batch(length, ours.dir.config.vocab_size));
    const double error = (found - expected).abs().max().item<double>();
    EXPECT_LE(error, 1e-4);
    record("absolute", error);
  }
}

TEST_P(FamilyParity, LogitsAreThoseOfTheExportInTransformers) {
  Opened ours(folder_ / "model", at::kFloat);
  for (const int64_t length : kExportedLengths) {
    SCOPED_TRACE(fmt::format("length {}", length));
    const SafetensorsFile theirs = oracle_in(Oracle::exported_folder(folder_), length);
    const at::Tensor expected = tensor_of(theirs, "logits").log_softmax(-1);
    const at::Tensor found = ours.log_probabilities(random_batch(length, ours.dir.config.vocab_size));
    const double error = (found - expected).abs().max().item<double>();
    EXPECT_LE(error, 1e-4);
    record("absolute", error);
  }
}

TEST_P(FamilyParity, GradientsAreThoseOfTransformers) {
  Opened ours(folder_ / "model", at::kFloat);
  for (const int64_t length : kLengths) {
    SCOPED_TRACE(fmt::format("length {}", length));
    const LocalBatch batch = random_batch(length, ours.dir.config.vocab_size);
    ours.store.flat_gradients().zero_();
    ours.model.forward_backward(batch, ours.factors(length), 1 / (batch.labels >= 0).sum().item<double>());
    const SafetensorsFile theirs = oracle(length);
    for (const NamedShape& named : ours.store.names()) {
      const at::Tensor expected = tensor_of(theirs, "gradient of " + named.name);
      const at::Tensor difference = ours.store.gradient(named.name) - expected;
      const double error = (difference.norm() / expected.norm()).item<double>();
      EXPECT_LE(error, 1e-4) << named.name;
      record("relative", error);
    }
  }
}

// Both are off the F32 result by rounding; ours no more than theirs, with a margin for chance.
TEST_P(FamilyParityInBF16, LogitsAreAsCloseToF32AsThoseOfTransformers) {
  Opened ours(folder_ / "model", at::kBFloat16);
  for (const int64_t length : kLengths) {
    SCOPED_TRACE(fmt::format("length {}", length));
    const SafetensorsFile theirs = oracle(length);
    const at::Tensor exact = tensor_of(theirs, "logits").log_softmax(-1);
    const at::Tensor rounded = tensor_of(theirs, "logits bf16").log_softmax(-1);
    const at::Tensor found = ours.log_probabilities(random_batch(length, ours.dir.config.vocab_size));
    const double ratio = ((found - exact).norm() / (rounded - exact).norm()).item<double>();
    EXPECT_LE(ratio, 1.2);
    record("error over theirs", ratio);
  }
}

std::vector<FamilyCase> cases_in_bf16() {
  std::vector<FamilyCase> cases = family_cases();
  std::erase_if(cases, [](const FamilyCase& c) { return !c.bf16; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyParity, ::testing::ValuesIn(family_cases()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Families, FamilyParityInBF16, ::testing::ValuesIn(cases_in_bf16()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway::testing
