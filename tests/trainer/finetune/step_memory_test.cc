// What metrics.jsonl says about memory, against the formulas.
#include <gtest/gtest.h>

#include "tests/trainer/finetune/train_case.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {
namespace {

std::vector<nlohmann::json> records_in(const std::filesystem::path& folder) {
  std::istringstream lines(read_bytes(folder / "metrics.jsonl"));
  std::vector<nlohmann::json> records;
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line);
    if (record.at("kind") == "step") records.push_back(record);
  }
  return records;
}

TEST(StepMemory, IsThatOfTheFormulas) {
  TrainCase c;
  c.dtype = at::kBFloat16;
  c.shape = {1, 2};
  ModelConfig config;
  c.before_train = [&](TinyRank& rank) {
    if (rank.mesh.world().rank() == 0) config = rank.model.config();
  };
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  const MemoryParts formula = pass_memory(
      config,
      {.sequences = c.recipe.batch_sequences, .length = c.recipe.length / 2, .ring_ranks = 2, .all_ranks = 2},
      {.dtype = DType::kBF16});
  const auto records = records_in(folder.path());
  ASSERT_EQ(records.size(), 6u);
  for (const nlohmann::json& record : records) {
    const nlohmann::json& memory = record.at("memory_bytes");
    EXPECT_EQ(memory.size(), 6u);
    EXPECT_EQ(memory.at("weights"), formula.weights);
    EXPECT_EQ(memory.at("gradients"), formula.gradients);
    EXPECT_NEAR(memory.at("optimizer").get<double>(), static_cast<double>(formula.optimizer), 12);
    EXPECT_EQ(memory.at("checkpoints"), formula.checkpoints);
    EXPECT_EQ(memory.at("ring"), formula.ring);
    EXPECT_GT(memory.at("transients"), formula.transients);  // and tiles, tables, the loss, the batch
  }
  std::map<std::string, int64_t> told(result.outcome.memory.begin(), result.outcome.memory.end());
  EXPECT_EQ(told.at("checkpoints"), formula.checkpoints);
}

}  // namespace
}  // namespace ropeway
