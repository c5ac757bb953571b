// ropeway inspect and fetch: short unless more is asked for.
#include <gmock/gmock.h>

#include <limits>

#include "launch/factor_plot.h"
#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(FactorPlot, ShowsPairsFromLeftToRightOnALogarithmicScale) {
  EXPECT_EQ(factor_plot({1, 1, 2, 4, 8, 8}, 4),
            "            8 |    **\n"
            "            4 |   *\n"
            "            2 |  *\n"
            "            1 |**\n"
            "              +------\n"
            "               pair 0pair 5\n");
}

TEST(FactorPlot, SeveralPairsShareAColumnWhereThereAreMany) {
  std::vector<double> factors(256, 1);
  for (size_t i = 128; i < 256; ++i) factors[i] = 16;
  const std::string plot = factor_plot(factors, 2, 4);
  EXPECT_THAT(plot, AllOf(HasSubstr("16 |  **\n"), HasSubstr("1 |**\n")));
}

TEST(FactorPlot, InfiniteFactorsStandWithTheLargest) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(factor_plot({1, 4, infinite}, 2), factor_plot({1, 4, 4}, 2));
  EXPECT_EQ(factor_plot({infinite, infinite}, 2), "");
}

TEST(FactorPlot, IsEmptyWhereThereIsNothingToSee) {
  EXPECT_EQ(factor_plot({}), "");
  EXPECT_EQ(factor_plot({2}), "");
  EXPECT_EQ(factor_plot({2, 2, 2}), "");
}

TEST(InspectVerb, ListsTensorsOnDemandOnly) {
  const Ended brief = run_ropeway("inspect tests/data/tiny_base");
  EXPECT_EQ(brief.code, 0) << brief.err;
  EXPECT_THAT(brief.out, AllOf(HasSubstr("4 layers, hidden 192"), HasSubstr("tensors: "),
                               Not(HasSubstr("model.layers."))));
  EXPECT_LE(times(brief.out, "\n"), 8);
  const Ended full = run_ropeway("inspect tests/data/tiny_base --tensors");
  EXPECT_THAT(full.out, HasSubstr("model.layers.3.self_attn.q_proj.weight"));
}

TEST(InspectVerb, ShowsStagesOfARunAndTheirFactors) {
  const TempDir scratch;
  const std::string recipe =
      small_recipe(scratch,
                   "  - {name: wide, kind: search, from: none, makes: wide_1k, length: 1K, documents: 1, "
                   "finalist_documents: 1, "
                   "seed_grid: short, refine: none, temperature: su}\n"
                   "  - {name: tune, kind: finetune, from: wide_1k, makes: tuned, length: 1K, steps: 1}\n");
  ASSERT_EQ(run_ropeway("run " + recipe).code, 0);
  const Ended search = run_ropeway("inspect " + scratch.name("run/stages/wide"));
  EXPECT_EQ(search.code, 0) << search.err;
  EXPECT_THAT(search.out,
              AllOf(HasSubstr("stages/wide: stage, finished\n"), HasSubstr(" candidates; the best by rank: "),
                    HasSubstr("  wide_1k: for 1K tokens"), HasSubstr("pair 0")));
  const Ended tune = run_ropeway("inspect " + scratch.name("run/stages/tune/"));
  EXPECT_THAT(tune.out, AllOf(HasSubstr("final_loss"), HasSubstr("checkpoints of steps 1")));
  const Ended run = run_ropeway("inspect " + scratch.name("run"));
  EXPECT_THAT(run.out, AllOf(HasSubstr("run of the recipe small"), HasSubstr("pair 0"),
                             Not(HasSubstr("model.layers."))));
}

TEST(FetchVerb, SaysHowAModelIsDownloadedAndWhatThen) {
  const Ended list = run_ropeway("fetch");
  EXPECT_THAT(list.out, AllOf(HasSubstr("llama2_7b        meta-llama/Llama-2-7b-hf"), HasSubstr("6.74B")));
  const Ended page = run_ropeway("fetch Llama-2-7b-hf");
  EXPECT_THAT(page.out,
              AllOf(HasSubstr("hf download meta-llama/Llama-2-7b-hf "), HasSubstr("accept the licence"),
                    HasSubstr("About 13 GB"), HasSubstr("ropeway import llama2_7b models/llama2_7b --link")));
  const Ended unknown = run_ropeway("fetch llama2_7");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean llama2_7b?"));
}

}  // namespace
}  // namespace ropeway
