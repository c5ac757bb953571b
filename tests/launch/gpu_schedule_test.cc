// A small schedule on a GPU against the same one on the CPU, both in BF16: the search ranks alike, every
// step's loss and every evaluation agree within what BF16 rounds.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/ops/cuda_backend.h"
#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;

const std::string kStages =
    R"(  - {name: base, kind: evaluate, lengths: [256, 1K], factors: [none, yarn], windows: 4, passkey_samples: 1}
  - {name: search, kind: search, from: none, makes: found, length: 1K, seed_grid: short, refine: gradient, gradient_steps: 3,
     documents: 2, finalist_documents: 2}
  - {name: tune, kind: finetune, from: found, makes: tuned, length: 1K, batch_sequences: 4, steps: 10, learning_rate: 2e-4}
  - {name: scores, kind: evaluate, lengths: [256, 1K], factors: [auto], windows: 4, tasks: [perplexity]}
)";

struct Figures {
  std::vector<double> losses;         // of every step
  std::vector<double> bits_per_byte;  // of every evaluation
};

Figures run_on(const std::string& device) {
  const TempDir scratch;
  const Ended ended =
      run_ropeway("run " + small_recipe(scratch, kStages) + " --set dtype=bf16 --set device=" + device);
  EXPECT_EQ(ended.code, 0) << ended.err;
  Figures run;
  std::ifstream metrics(scratch.path() / "run/metrics.jsonl");
  for (std::string line; std::getline(metrics, line);) {
    const Json record = Json::parse(line);
    if (record.at("kind") == "step") run.losses.push_back(record.at("loss"));
  }
  std::ifstream report(scratch.path() / "run/report.json");
  for (const Json& evaluation : Json::parse(report).at("evaluations")) {
    run.bits_per_byte.push_back(evaluation.at("bits_per_byte"));
  }
  return run;
}

void expect_near(const std::vector<double>& gpu, const std::vector<double>& cpu, double tolerance) {
  ASSERT_EQ(gpu.size(), cpu.size());
  for (size_t i = 0; i < gpu.size(); ++i) EXPECT_NEAR(gpu[i], cpu[i], tolerance) << i;
}

TEST(GpuSchedule, LossesAreThoseOfTheCPU) {
  if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  const Figures gpu = run_on("cuda"), cpu = run_on("cpu");
  EXPECT_EQ(gpu.losses.size(), 10u);
  expect_near(gpu.losses, cpu.losses, 0.02);
  expect_near(gpu.bits_per_byte, cpu.bits_per_byte, 0.02);
}

}  // namespace
}  // namespace ropeway
