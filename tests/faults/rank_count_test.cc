// Numbers of ranks that do not fit the recipe.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

TEST(RankCount, ALengthThatCannotBeCutForThreeRanks) {
  const TempDir scratch;
  expect_refusal(
      "run " + training_recipe(scratch),
      {.code = 78,
       .said = {"stages[0].length: found 64, wanted a multiple of 6 (zigzag: 2 x 3 sequence ranks)"},
       .ranks = {3}},
      scratch.path() / "run");
}

TEST(RankCount, AMeshOfFourOnTwoRanks) {
  const TempDir scratch;
  const std::string recipe = training_recipe(scratch);
  scratch.file("training.yaml", read_bytes(recipe) + "mesh: {data: 2, sequence: 2}\n");
  expect_refusal("run " + recipe,
                 {.code = 78,
                  .said = {"mesh.sequence: found data 2 x sequence 2 = 4 ranks, wanted the job's"},
                  .ranks = {1, 2, 3}},
                 scratch.path() / "run");
}

TEST(RankCount, DataRowsThatDoNotDivideTheRanks) {
  const TempDir scratch;
  const std::string recipe = training_recipe(scratch);
  scratch.file("training.yaml", read_bytes(recipe) + "mesh: {data: 2, sequence: auto}\n");
  expect_refusal("run " + recipe,
                 {.code = 78, .said = {"mesh.data: found 2, wanted a divisor of the job's"}, .ranks = {1, 3}},
                 scratch.path() / "run");
}

TEST(RankCount, ABatchThatTheDataRowsCannotShare) {
  const TempDir scratch;
  const std::string recipe = training_recipe(scratch);
  scratch.file("training.yaml", read_bytes(recipe) + "mesh: {data: 3, sequence: 1}\n");
  expect_refusal("run " + recipe,
                 {.code = 78,
                  .said = {"stages[0].batch_sequences: found 4, wanted a multiple of mesh.data = 3"},
                  .ranks = {3}},
                 scratch.path() / "run");
}

}  // namespace
}  // namespace ropeway
