// Why an export is for generation unless it has a short list of its own: greedy text of transformers that grows
// across the original window. With the long factors in both lists it goes on as under one list; with two lists
// the keys in the cache stay as the short one turned them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "tests/faults/run_ropeway.h"
#include "tests/support/model_shape.h"
#include "tests/support/python.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr double kPromptTokens = 224, kNewTokens = 128, kWindow = 256;

TEST(ExportGeneration, TextGrowsAcrossTheWindowUnderOneListAndNotUnderTwo) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir scratch;
  fs::copy(kTinyBase, scratch.path() / "model");
  std::vector<double> factors;
  for (int i = 0; i < 32; ++i) factors.push_back(std::pow(4.0, i / 31.0));  // NTK-aware
  const FactorSet set =
      make_factor_set({.name = "4x", .max_length = 1024, .factors = factors, .temperature = 1.05});
  write_factor_file(scratch.path() / "model/rope_factors.json", {set});
  for (const char* arguments :
       {"plain --factors none", "generation --max-length 1K", "scoring --max-length 1K --for scoring"}) {
    const Ended ended = run_ropeway(fmt::format("export {} {}/{} --format hf", scratch.name("model"),
                                                scratch.path().string(), arguments));
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  const std::string said = run_python(
      fmt::format("import sys, runpy\nsys.argv = ['', '{}/tests/data/prose.txt', '{}', '{}', '{}', '4x']\n"
                  "runpy.run_path('{}/tests/launch/greedy_oracle.py')\n",
                  ROPEWAY_SOURCE_DIR, scratch.name("plain"), scratch.name("generation"),
                  scratch.name("scoring"), ROPEWAY_SOURCE_DIR));
  const auto numbers = [&](const std::string& line) {
    const size_t at = said.find(line + " ");
    return at == std::string::npos ? std::vector<double>{} : numbers_of(said.substr(at + line.size()));
  };
  EXPECT_EQ(numbers("generation"), std::vector<double>{kNewTokens}) << said;
  const std::vector<double> scoring = numbers("scoring");
  ASSERT_EQ(scoring.size(), 1u) << said;
  EXPECT_GE(scoring[0], kWindow - kPromptTokens);  // up to the window there is one list
  EXPECT_LE(scoring[0], kWindow - kPromptTokens + 8);
  const std::vector<double> losses = numbers("losses");
  ASSERT_EQ(losses.size(), 2u) << said;
  EXPECT_LT(losses[0], 2);  // text of the model's own, 0.8
  EXPECT_GT(losses[1], 3);  // noise to it, 4.2
}

}  // namespace
}  // namespace ropeway
