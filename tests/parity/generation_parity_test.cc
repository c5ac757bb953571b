// Greedy tokens of random models of every family against transformers', through files, in F32: from below the
// original window to beyond it, on one rank and on several.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/parity/family_models.h"
#include "tests/support/python.h"
#include "trainer/family/sliding_window.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/generate/generator.h"
#include "trainer/model/causal_lm.h"

namespace ropeway::testing {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPrompt = kWindow - 5, kNew = 20;

std::vector<int32_t> prompt_of(const FamilyCase& c) {
  Philox draws(7, Stream::kEvaluation, 5);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < kPrompt; ++i) {
    ids.push_back(static_cast<int32_t>(draws.below(static_cast<uint64_t>(c.config.vocab_size))));
  }
  return ids;
}

// All cases in one folder, asked about in one run of Python.
class Oracle {
 public:
  Oracle() : root_(fs::temp_directory_path() / ("ropeway_generation_" + std::to_string(::getpid()))) {
    for (const FamilyCase& c : family_cases()) {
      write_model(root_ / c.name / "model", c);
      write_file_atomically(root_ / c.name / "generation.json",
                            nlohmann::json{{"prompt", prompt_of(c)}, {"new", kNew}}.dump());
    }
    run_python(fmt::format("import sys, runpy\nsys.argv = ['', '{}']\nrunpy.run_path('{}')\n", root_.string(),
                           std::string(ROPEWAY_SOURCE_DIR) + "/tests/parity/generation_oracle.py"));
  }
  ~Oracle() { fs::remove_all(root_); }

  static fs::path folder_of(const FamilyCase& c) {
    static const Oracle oracle;
    return oracle.root_ / c.name;
  }

 private:
  fs::path root_;
};

std::vector<int32_t> generated(const ModelDir& dir, int ranks, const std::vector<int32_t>& prompt) {
  std::vector<int32_t> tokens;
  run_thread_world(ranks, [&](Communicator& group) {
    ResidentParameters store(dir.config, at::kFloat);
    load_weights(store, dir);
    RingAttention ring(group, Placement::kZigzag);
    CausalLM model(dir.config, store, ring, {});
    const auto factors = [&](int64_t length) {
      return select_factor_set(dir.sets, length, model.identity());
    };
    Generator generator(model, group, {.factors = factors});
    const Generated made = generator.generate(prompt, {.max_new_tokens = kNew});
    if (group.rank() == 0) tokens = made.tokens;
  });
  return tokens;
}

class GenerationParity : public ::testing::TestWithParam<FamilyCase> {};

TEST_P(GenerationParity, TokensAreThoseOfTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  const fs::path folder = Oracle::folder_of(GetParam());
  const auto expected = nlohmann::json::parse(std::ifstream(folder / "expected.json"));
  ModelDir dir = open_model_dir(folder / "model");
  honour_window(dir.config);
  for (const int ranks : {1, 2, 4}) {
    const std::vector<int32_t> found = generated(dir, ranks, prompt_of(GetParam()));
    EXPECT_EQ(found, expected["fresh"].get<std::vector<int32_t>>()) << ranks << " ranks";
    if (GetParam().longrope) continue;
    EXPECT_EQ(found, expected["cached"].get<std::vector<int32_t>>()) << ranks << " ranks";
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GenerationParity, ::testing::ValuesIn(family_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway::testing
