// The evaluate stage: what it says and what it reports.
#include <nlohmann/json.hpp>

#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"

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

TEST_F(EvaluateStageTest, ExamplesAreScoredWhereTheirLabelsSay) {
  write_bytes(folder_ / "sft.jsonl",
              "{\"prompt\": \"the quick brown\", \"completion\": \" fox\"}\n"
              "{\"prompt\": \"jumps over the lazy dog and on\", \"completion\": \" and on\"}\n");
  Recipe of_examples = recipe("32, 64", "none");
  of_examples.data.test = {(folder_ / "sft.jsonl").string()};
  for (StageRecipe& stage : of_examples.stages) {
    if (stage.kind() == StageKind::kEvaluate) stage.evaluate().windows = 0;
  }
  EXPECT_THAT(
      said(of_examples),
      AllOf(
          HasSubstr("scores: 32: used 1 example, 19 tokens, 4 of them scored; 1 longer than 32 was left out"),
          HasSubstr("scores: 64: used 2 examples, 56 tokens, 11 of them scored\n")));
  ASSERT_EQ(evaluations().size(), 2u);
  for (const auto& entry : evaluations()) EXPECT_GT(entry.at("bits_per_byte").get<double>(), 1);
  of_examples = recipe("16", "none");
  of_examples.data.test = {(folder_ / "sft.jsonl").string()};
  const auto error = error_of([&] { run_recipe(of_examples, *make_world_of_one(), {.fresh = true}); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(),
              HasSubstr("stage scores: the test text: none of the 2 examples fits into 16 tokens"));
}

const std::string kBothTasks = "tasks: [perplexity, passkey], passkey_depths: 2, passkey_samples: 1";

// Runs of a stage with three cells that are stopped and gone on with.
class StoppedEvaluationTest : public EvaluateStageTest {
 protected:
  Recipe three_cells() const {
    return recipe_in(folder_,
                     kPretrain +
                         "  - {name: scores, kind: evaluate, lengths: [160, 192, 224], factors: [none], "
                         "windows: 2, " +
                         kBothTasks + "}\n");
  }
  // Stops after so many more cells were evaluated and kept. Returns how many were.
  int run_until(const Recipe& recipe, int cells) const {
    const int before = num_kept();
    const auto stop = [&] { return num_kept() - before >= cells; };
    const auto world = make_world_of_one();
    run_recipe(recipe, *world, {.only_stages = {"base"}});
    const auto error =
        error_of([&] { run_recipe(recipe, *world, {.only_stages = {"scores"}, .stop_requested = stop}); });
    const int evaluated = num_kept() - before;
    EXPECT_EQ(error.has_value(), evaluated == cells);
    if (error) {
      EXPECT_EQ(error->kind(), ErrorKind::kStopped);
      EXPECT_EQ(error->way_out(), WayOut::kRunAgain);
      EXPECT_THAT(error->what(), HasSubstr(fmt::format("{} of 3 evaluations", num_kept())));
    }
    return evaluated;
  }
  int num_kept() const {
    const auto file = folder_ / "run/stages/scores/figures.json";
    if (!std::filesystem::exists(file)) return 0;
    const auto figures = nlohmann::json::parse(read_bytes(file), nullptr, false);
    return figures.is_object() && figures.contains("evaluations")
               ? static_cast<int>(figures["evaluations"].size())
               : 0;
  }
  nlohmann::json kept() const {
    return nlohmann::json::parse(read_bytes(folder_ / "run/stages/scores/figures.json"));
  }
  void keep(const nlohmann::json& figures) const {
    write_bytes(folder_ / "run/stages/scores/figures.json", figures.dump());
  }
};

TEST_F(StoppedEvaluationTest, GoesOnWhereItStoppedAndReportsTheSame) {
  const Recipe recipe = three_cells();
  EXPECT_EQ(run_until(recipe, 99), 3);
  const auto reference = evaluations();
  ASSERT_EQ(reference.size(), 3u);
  std::filesystem::remove_all(folder_ / "run/stages/scores");
  std::filesystem::remove(folder_ / "run/report.json");

  EXPECT_EQ(run_until(recipe, 1), 1);
  EXPECT_EQ(kept().at("evaluations").size(), 1u);
  EXPECT_EQ(run_until(recipe, 99), 2) << "the first is evaluated again, or the others are not";
  EXPECT_EQ(evaluations(), reference);
}

TEST_F(StoppedEvaluationTest, TakesTheFiguresThatWereKept) {
  const Recipe recipe = three_cells();
  run_until(recipe, 2);
  auto figures = kept();
  figures["evaluations"][1]["figures"]["perplexity"]["bits_per_byte"] = 0.1 + 0.2;
  keep(figures);
  EXPECT_EQ(run_until(recipe, 99), 1);
  EXPECT_EQ(evaluations()[1].at("bits_per_byte"), 0.1 + 0.2);
}

// What is kept is of another length, set, model or text, or of other options: none of it is used.
TEST_F(StoppedEvaluationTest, FiguresOfSomethingElseAreNotUsed) {
  const Recipe recipe = three_cells();
  run_until(recipe, 1);
  const auto figures = kept();
  const auto of = figures["evaluations"][0]["of"];
  EXPECT_EQ(of.size(), 7u);
  for (const auto& [key, value] : of.items()) {
    auto other = figures;
    auto& changed = other["evaluations"][0]["of"][key];
    if (value.is_string()) {
      changed = value.get<std::string>() + "x";
    } else if (value.is_number()) {
      changed = value.get<int64_t>() + 1;
    } else {
      changed.front() = value.front().get<int64_t>() + 1;
    }
    keep(other);
    std::filesystem::remove(folder_ / "run/stages/scores/done.json");
    EXPECT_EQ(run_until(recipe, 99), 3) << key;
  }
}

TEST_F(StoppedEvaluationTest, OtherWeightsAreEvaluatedAnew) {
  const Recipe recipe = three_cells();
  run_until(recipe, 1);
  // The training again, as after its folder was lost: another file, of the same size.
  std::filesystem::remove_all(folder_ / "run/stages/base");
  EXPECT_EQ(run_until(recipe, 99), 3);
}

TEST_F(StoppedEvaluationTest, AFileThatCannotBeReadIsWarnedOfAndReplaced) {
  const Recipe recipe = three_cells();
  run_until(recipe, 1);
  for (const char* broken : {"", "{", "[]", R"({"format": "ropeway-figures", "version": 1})"}) {
    write_bytes(folder_ / "run/stages/scores/figures.json", broken);
    std::filesystem::remove(folder_ / "run/stages/scores/done.json");
    EXPECT_EQ(run_until(recipe, 99), 3) << broken;
    EXPECT_EQ(kept().at("evaluations").size(), 3u) << broken;
  }
}

// The window of the case's model is 32 tokens: what it is at 32 and at 128, compared and controlled.
TEST_F(EvaluateStageTest, ReportsIntervalsDifferencesAndControls) {
  const Recipe with_controls = recipe_in(
      folder_, kPretrain +
                   "  - {name: scores, kind: evaluate, lengths: [32, 128], factors: [none, yarn], tasks: "
                   "[perplexity], "
                   "target_tokens: 200, controls: [crop, foreign_prefix, repetition], control_windows: 2}\n");
  const std::string output = said(with_controls);
  const auto found = evaluations();
  ASSERT_EQ(found.size(), 3u);  // yarn at 32 is the original RoPE
  for (const auto& entry : found) {
    EXPECT_TRUE(entry.at("bits_per_byte_95").is_array());
    EXPECT_EQ(entry.at("figures").at("targets").at("value"), 7 * 31);
    EXPECT_EQ(entry.contains("controls"), entry.at("length") == 128);
  }
  EXPECT_FALSE(found[0].contains("differences"));
  EXPECT_EQ(found[1].at("differences")[0].at("against_length"), 32);
  EXPECT_EQ(found[2].at("differences")[0].at("against"), "none");
  EXPECT_EQ(found[2].at("differences")[0].at("against_length"), 128);
  EXPECT_EQ(found[2].at("controls").size(), 3u);
  EXPECT_TRUE(found[2].at("controls").at("crop").at("passed").is_boolean());
}

}  // namespace
}  // namespace ropeway
