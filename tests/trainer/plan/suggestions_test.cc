// What would need less memory: every line holds when it is tried.
#include "trainer/plan/suggestions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/trainer/plan/cases.h"

namespace ropeway::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int64_t kGiB = int64_t{1} << 30;

std::vector<std::string> suggested(const Recipe& recipe, const MeshShape& mesh, int64_t limit) {
  const ModelConfig config = llama_8b();
  const StageRecipe& stage = recipe.stages[0];
  const MemoryOptions options = memory_options(recipe, config, stage, mesh, {true, limit});
  return suggestions({recipe, stage, config, mesh, options, limit});
}

TEST(Suggestions, AreThreeWithNumbers) {
  const auto lines = suggested(recipe_of(finetune(1 << 20), DType::kF32), {1, 8}, 77 * kGiB);
  EXPECT_THAT(lines, SizeIs(3));
  for (const std::string& line : lines) EXPECT_THAT(line, HasSubstr("GiB a rank"));
}

TEST(Suggestions, ThatFitComeFirstAndDo) {
  const StageRecipe stage = finetune(1 << 19);
  Recipe recipe = recipe_of(stage);
  recipe.engine.activations = ActivationsPlace::kDevice;
  const MeshShape mesh{1, 8};
  const int64_t limit = 90 * kGiB;
  const auto lines = suggested(recipe, mesh, limit);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines[0], StartsWith("engine.activations: host"));
  EXPECT_EQ(lines[0].find("still too much"), std::string::npos) << lines[0];
  recipe.engine.activations = ActivationsPlace::kHost;
  const MemoryOptions options = memory_options(recipe, llama_8b(), stage, mesh, {true, limit});
  EXPECT_LE(stage_memory(llama_8b(), stage, mesh, options).parts.total(), limit);
}

TEST(Suggestions, NameTheFewestRanksThatFit) {
  const StageRecipe stage = finetune(1 << 21);
  Recipe recipe = recipe_of(stage);
  recipe.engine.activations = ActivationsPlace::kHost;
  const int64_t limit = 100 * kGiB;
  const auto lines = suggested(recipe, {1, 4}, limit);
  int sequence = 4;
  const auto total = [&] {
    const MemoryOptions options = memory_options(recipe, llama_8b(), stage, {1, 4}, {true, limit});
    return stage_memory(llama_8b(), stage, {1, sequence}, options).parts.total();
  };
  while (total() > limit) sequence *= 2;
  EXPECT_THAT(lines, Contains(HasSubstr(fmt::format("mesh.sequence: {}", sequence))));
}

// 8B over four ranks: the moments of a quarter of 8.03e9 parameters, in half the memory.
TEST(Suggestions, OfferNarrowMomentsWhereTheyAreSafe) {
  StageRecipe stage = finetune(4096);
  const MeshShape mesh{1, 4};
  const auto line = Contains(HasSubstr("moments: bf16 in stage tune (saves 7.48 GiB)"));
  EXPECT_THAT(suggested(recipe_of(stage), mesh, 60 * kGiB), line);
  stage.train.beta2 = 0.999;
  EXPECT_THAT(suggested(recipe_of(stage), mesh, 60 * kGiB), Not(line));
  stage.train.beta2 = 0.95;
  stage.train.moments = DType::kBF16;
  EXPECT_THAT(suggested(recipe_of(stage), mesh, 60 * kGiB), Not(line));
}

TEST(PartsText, NamesTheLargestFirst) {
  MemoryParts parts;
  parts.weights = 3 * kGiB;
  parts.checkpoints = 5 * kGiB;
  parts.ring = 1024;
  EXPECT_EQ(parts_text(parts), "checkpoints 5.00 GiB, weights 3.00 GiB");
}

}  // namespace
}  // namespace ropeway::testing
