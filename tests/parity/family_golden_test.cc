// What transformers said once about one model of every family (tests/data/families, where the script that
// asked it lies): for machines that have no Python. Weights, tokens and labels are functions of names and
// places, the same here and there.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/world_of_one.h"
#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {
namespace {

const std::string kFolder = ROPEWAY_SOURCE_DIR "/tests/data/families/";

// The finaliser of MurmurHash3 on place and seed.
uint32_t mixed(uint64_t place, uint64_t seed) {
  auto h = static_cast<uint32_t>(place * 2654435761u + seed * 2654435769u);
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return h ^ (h >> 16);
}

void fill(const std::string& name, uint64_t seed, const at::Tensor& weight) {
  float* values = weight.data_ptr<float>();
  for (int64_t i = 0; i < weight.numel(); ++i) {
    const double centred = mixed(static_cast<uint64_t>(i), seed) / 4294967296.0 - 0.5;
    if (name.ends_with(".bias")) {
      values[i] = static_cast<float>(0.6 * centred);
    } else if (weight.dim() == 1) {
      values[i] = static_cast<float>(1 + 0.6 * centred);
    } else {
      values[i] = static_cast<float>(4 * centred / std::sqrt(static_cast<double>(weight.size(1))));
    }
  }
}

at::Tensor ids(int64_t length, int64_t vocab, uint64_t seed) {
  at::Tensor result = at::empty({1, length}, at::kLong);
  for (int64_t i = 0; i < length; ++i) {
    result.data_ptr<int64_t>()[i] = mixed(static_cast<uint64_t>(i), seed) % vocab;
  }
  return result;
}

class FamilyGolden : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyGolden()
      : parsed_(read_hf_config(kFolder + GetParam() + ".json")),
        store_(parsed_.config, at::kFloat),
        golden_(SafetensorsFile::open(kFolder + "golden.safetensors")) {
    for (const NamedShape& named : store_.names()) names_.push_back(named.name);
    std::sort(names_.begin(), names_.end());
    for (size_t i = 0; i < names_.size(); ++i) fill(names_[i], i, store_.weight(names_[i]));
  }

  at::Tensor golden(int64_t length, const char* what) const {
    const std::string name = fmt::format("{}/{}/{}", GetParam(), length, what);
    void* data = const_cast<std::byte*>(golden_.data(name).data());
    return at::from_blob(data, golden_.tensors().at(name).shape, at::kFloat).clone();
  }
  LocalBatch batch(int64_t length) const {
    const int64_t vocab = parsed_.config.vocab_size;
    const at::Tensor tokens = ids(length, vocab, 1001);
    return {tokens, ids(length, vocab, 1002), {}, SequenceLayout({}, tokens.size(0), length)};
  }
  FactorSet factors(int64_t length) { return select_factor_set(parsed_.sets, length, model_.identity()); }

  ParsedConfig parsed_;
  ResidentParameters store_;
  SafetensorsFile golden_;
  std::vector<std::string> names_;  // sorted
  std::unique_ptr<Communicator> world_ = make_world_of_one();
  RingAttention ring_{*world_, Placement::kZigzag};
  CausalLM model_{parsed_.config, store_, ring_, {}};
};

TEST_P(FamilyGolden, LogitsBelowAndAboveTheWindow) {
  for (const int64_t length : {20, 40}) {
    std::vector<at::Tensor> columns;
    for (int64_t v = 0; v < parsed_.config.vocab_size; ++v) {
      LocalBatch labelled = batch(length);
      labelled.labels = at::full_like(labelled.labels, v);
      columns.push_back(-model_.evaluate(labelled, factors(length)).nll[0].unsqueeze(1));
    }
    const at::Tensor expected = golden(length, "logits").log_softmax(-1);
    EXPECT_LE((at::cat(columns, 1) - expected).abs().max().item<double>(), 1e-4) << length;
  }
}

TEST_P(FamilyGolden, GradientNorms) {
  for (const int64_t length : {20, 40}) {
    store_.flat_gradients().zero_();
    model_.forward_backward(batch(length), factors(length), 1.0 / static_cast<double>(length));
    const at::Tensor expected = golden(length, "gradient norms");
    ASSERT_EQ(expected.numel(), static_cast<int64_t>(names_.size()));
    for (size_t i = 0; i < names_.size(); ++i) {
      const double norm = expected[static_cast<int64_t>(i)].item<double>();
      EXPECT_NEAR(store_.gradient(names_[i]).norm().item<double>(), norm, 1e-4 * norm)
          << names_[i] << " at " << length;
    }
  }
}

std::vector<std::string> all_families() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.emplace_back(family.model_type);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Families, FamilyGolden, ::testing::ValuesIn(all_families()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ropeway::testing
