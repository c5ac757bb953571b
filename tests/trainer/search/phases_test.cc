#include "trainer/search/phases.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "parallel/comm/world_of_one.h"
#include "search_fixture.h"
#include "trainer/search/expected_work.h"

namespace ropeway {
namespace {

SearchProblem with(const std::string& seeds, const std::string& refine) {
  SearchProblem problem = toy_problem();
  problem.options.length = problem.target_length;
  problem.options.seeds = value_of<SearchSeeds>(seeds).value();
  problem.options.refine = value_of<SearchRefine>(refine).value();
  return problem;
}

std::vector<std::string> names_of(const SearchProblem& problem) {
  std::vector<std::string> names;
  for (const SearchPhase& phase : search_phases(problem, 5, 2)) names.push_back(phase.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(Phases, FollowTheRecipe) {
  EXPECT_EQ(names_of(with("families", "gradient")), (Names{"seeds", "temperature", "gradient", "finalists"}));
  EXPECT_EQ(names_of(with("families", "none")), (Names{"seeds", "temperature", "finalists"}));
  EXPECT_EQ(names_of(with("paper", "gradient")), (Names{"seeds", "gradient", "finalists"}));
  EXPECT_EQ(names_of(with("paper", "evolution")), (Names{"evolution"}));
  EXPECT_EQ(names_of(with("longrope2", "evolution")),
            (Names{"seeds", "temperature", "evolution", "finalists"}));
  SearchProblem problem = with("paper", "evolution");
  problem.keep.resize(2);
  EXPECT_EQ(names_of(problem), (Names{"evolution", "finalists"}));
}

// By hand, for 9 formulas and 54 family seeds at 2048 tokens, where one document is one look. Finalists: the
// best and the last of the gradient, the best seed and the best formula, each scored twice on two documents.
TEST(Phases, ExpectWhatTheirEvaluationsCost) {
  const auto phases = search_phases(with("families", "gradient"), 5, 2);
  ASSERT_EQ(phases.size(), 4u);
  EXPECT_EQ(phases[0].expected.forwards, 9 + 54 + 4);
  EXPECT_EQ(phases[1].expected.forwards, 2 * 4);
  EXPECT_EQ(phases[2].expected.forwards, 60 / 5 * 3);
  EXPECT_EQ(phases[2].expected.gradients, 60);
  EXPECT_EQ(phases[3].expected.forwards, 4 * 2 * 2);
  // Without refinement all four seeds of the second document.
  EXPECT_EQ(search_phases(with("families", "none"), 5, 2)[2].expected.forwards, 5 * 2 * 2);
  EXPECT_EQ(search_phases(with("families", "none"), 5, 2)[1].expected.forwards, 4)
      << "of the best seed alone";
  EXPECT_EQ(search_phases(with("paper", "evolution"), 5, 2)[0].expected.forwards, 1344 * 5);
}

// Short documents: eight make a look, and a check of the gradient races on three looks.
TEST(Phases, CountLooksInDocuments) {
  SearchProblem problem = with("families", "gradient");
  problem.geometry.original_length = 32;
  problem.trained_length = 32;
  problem.target_length = 256;
  const auto phases = search_phases(problem, 20, 2);
  EXPECT_EQ(phases[2].expected.gradients, 60 * 8);
  EXPECT_EQ(phases[2].expected.forwards, 60 / 5 * 20);  // there are no 24 documents
}

// What progress expects before the first evaluation is what a plan says.
TEST(Phases, ProgressAndPlanExpectTheSame) {
  for (const char* seeds : {"paper", "families", "longrope2"}) {
    for (const char* refine : {"evolution", "gradient", "none"}) {
      SearchProblem problem = with(seeds, refine);
      problem.options.iterations = 2;
      SyntheticObjective objective({.target = toy_target(problem)});
      LogFolder folder;
      auto world = make_world_of_one();
      double expected = 0;
      const auto watch = [&expected](const SearchProgress& p) {
        if (expected == 0) expected = p.expected;
      };
      run_search(problem, objective, Mesh(*world, {}), folder / "search.jsonl", {.progress = watch});
      const SearchWork planned = expected_search_work(problem.options, problem.geometry, 256, false);
      EXPECT_EQ(expected, planned.forward_equivalents()) << seeds << " " << refine;
    }
  }
}

}  // namespace
}  // namespace ropeway
