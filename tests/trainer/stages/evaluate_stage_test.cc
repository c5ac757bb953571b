// The evaluate stage: what it says and what it reports.
#include <nlohmann/json.hpp>

#include "tests/trainer/stages/stage_case.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class EvaluateStageTest : public testing::Test {
 protected:
  EvaluateStageTest() { write_text(folder_, 1000); }

  Recipe recipe(const std::string& lengths, const std::string& factors) const {
    return recipe_in(folder_, kPretrain + "  - {name: scores, kind: evaluate, lengths: [" + lengths +
                                  "], factors: [" + factors + "], tasks: [perplexity], windows: 1}\n");
  }
  // What the run says on stderr.
  std::string said(const Recipe& recipe) const {
    testing::internal::CaptureStderr();
    run_recipe(recipe, *make_world_of_one(), {});
    return testing::internal::GetCapturedStderr();
  }
  nlohmann::json evaluations() const {
    return nlohmann::json::parse(read_bytes(folder_ / "run/report.json")).at("evaluations");
  }

  TempDir folder_;
};

// The window of the case's model is 32 tokens.
TEST_F(EvaluateStageTest, SaysWhichFactorsAreSkippedWithinTheWindow) {
  EXPECT_THAT(said(recipe("16, 32, 64", "yarn, pi")),
              AllOf(HasSubstr("warning: scores: not evaluated within the original window of 32 tokens"),
                    HasSubstr("\"none\", which is not among"),
                    HasSubstr("yarn at 16, pi at 16, yarn at 32, pi at 32\n"), Not(HasSubstr("at 64,"))));
  ASSERT_EQ(evaluations().size(), 2u);
  for (const auto& entry : evaluations()) EXPECT_EQ(entry.at("length"), 64);
}

TEST_F(EvaluateStageTest, DoesNotWarnWhereNoneStandsForTheSkipped) {
  EXPECT_THAT(said(recipe("32, 64", "none, yarn")),
              AllOf(HasSubstr("ropeway: scores: not evaluated"), HasSubstr("(\"none\"): yarn at 32\n"),
                    Not(HasSubstr("warning: scores"))));
  EXPECT_EQ(evaluations().size(), 3u);
}

TEST_F(EvaluateStageTest, SaysNothingWhereNothingIsSkipped) {
  EXPECT_THAT(said(recipe("64", "yarn")), Not(HasSubstr("not evaluated")));
}

}  // namespace
}  // namespace ropeway
