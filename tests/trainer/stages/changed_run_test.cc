// A run that is gone on with after its recipe or a file that it reads has changed: what is done again, what
// is not, and to which bits.
#include <nlohmann/json.hpp>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/rope/factor_file.h"
#include "trainer/stages/run_refusals.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

// Constant learning rate: more steps are the same training, longer.
std::string pretraining(int steps, const std::string& more = "") {
  return fmt::format(
      "  - {{name: base, kind: pretrain, length: 32, steps: {}, batch_sequences: 2, schedule: constant, "
      "learning_rate: 1e-2, checkpoint_every: 1{}}}\n",
      steps, more);
}
const std::string kScores =
    "  - {name: scores, kind: evaluate, lengths: [64], factors: [none, wide], tasks: [perplexity], windows: "
    "1}\n";

class ChangedRunTest : public testing::Test {
 protected:
  ChangedRunTest() { write_text(folder_, 1000); }

  Recipe recipe(const std::string& stages) const { return recipe_in(folder_, stages); }
  // What was said meanwhile.
  std::string run(const Recipe& recipe, const RunOptions& options = {}) const {
    testing::internal::CaptureStderr();
    std::string error;
    try {
      run_recipe(recipe, *make_world_of_one(), options);
    } catch (const Error& caught) {
      error = caught.what();
    }
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(error, "") << said;
    return said;
  }
  // Of a run that is refused, without a change of any file.
  std::string refusal(const Recipe& recipe, const RunOptions& options = {}) const {
    const auto before = files_in(folder_ / "run");
    const auto error = error_of([&] { run_recipe(recipe, *make_world_of_one(), options); });
    EXPECT_TRUE(files_in(folder_ / "run") == before);
    return error ? error->what() : "";
  }
  // Stops after so many steps.
  void stop_after(const Recipe& recipe, int steps) const {
    int taken = 0;
    const auto error = error_of([&] {
      run_recipe(recipe, *make_world_of_one(), {.stop_requested = [&] { return ++taken == steps; }});
    });
    ASSERT_TRUE(error);
    ASSERT_EQ(error->kind(), ErrorKind::kStopped);
  }
  std::string weights(const std::string& model = "model") const {
    return read_bytes(folder_ / "run" / model / "model.safetensors");
  }
  // By a run of its own.
  std::string weights_of(const std::string& stages) const {
    Recipe other = recipe(stages);
    other.run_dir = (folder_ / "other").string();
    fs::remove_all(folder_ / "other");
    run(other);
    return read_bytes(folder_ / "other/model/model.safetensors");
  }
  nlohmann::json report() const { return nlohmann::json::parse(read_bytes(folder_ / "run/report.json")); }

  TempDir folder_;
};

TEST_F(ChangedRunTest, MoreStepsGoOnToTheBitsOfATrainingThatHadThemFromTheStart) {
  run(recipe(pretraining(3)));
  const std::string said = run(recipe(pretraining(5)));
  EXPECT_THAT(said, AllOf(HasSubstr("base: 5 steps are wanted instead of 3: goes on after step 3"),
                          HasSubstr("resumes after step 3")));
  EXPECT_EQ(weights(), weights_of(pretraining(5)));
}

TEST_F(ChangedRunTest, AScheduleThatEndsWithTheStepsIsPlannedAnewAndThatIsSaid) {
  const auto linear = [](int steps) {
    return fmt::format("  - {{name: base, kind: pretrain, length: 32, steps: {}, learning_rate: 1e-2}}\n",
                       steps);
  };
  run(recipe(linear(4)));
  // Step 5 of 8 has half a linear schedule and one step behind it; of four, it would have been past the end.
  EXPECT_THAT(
      run(recipe(linear(8))),
      HasSubstr("the learning rate falls over all of them (linear): 0.00375 at step 5, where it would have "
                "been 0"));
}

TEST_F(ChangedRunTest, WhatStartsFromALongerTrainingIsDoneAgainAndNothingElse) {
  const std::string second =
      "  - {name: tune, kind: finetune, from: wide, makes: tuned, length: 128, steps: STEPS, "
      "checkpoint_every: 1}\n";
  const auto stages = [&](const char* steps) {
    std::string tune = second;
    tune.replace(tune.find("STEPS"), 5, steps);
    return pretraining(2) + kSearchWide + tune + kScores;
  };
  run(recipe(stages("2")));
  const auto figures = report().at("evaluations");
  const std::string said = run(recipe(stages("4")));
  EXPECT_THAT(said, AllOf(HasSubstr("base: finished earlier"), HasSubstr("wide: finished earlier"),
                          HasSubstr("tune: 4 steps are wanted instead of 2"), HasSubstr("stage scores")));
  EXPECT_EQ(report().at("evaluations").size(), figures.size());
  EXPECT_NE(report().at("evaluations"), figures);
  EXPECT_THAT(run(recipe(stages("4"))), Not(HasSubstr("stage ")));
}

TEST_F(ChangedRunTest, AnAppendedStageIsTheOnlyOneThatRuns) {
  run(recipe(pretraining(2)));
  const std::string said = run(recipe(pretraining(2) + kSearchWide + kScores));
  EXPECT_THAT(said,
              AllOf(HasSubstr("base: finished earlier"), HasSubstr("stage wide"), HasSubstr("stage scores")));
}

TEST_F(ChangedRunTest, CadencesChangeFreelyInTheMiddle) {
  stop_after(recipe(pretraining(4)), 2);
  Recipe other = recipe(pretraining(4));
  other.stages[0].train().checkpoint_every = 3;
  other.stages[0].train().keep_checkpoints = 5;
  EXPECT_THAT(run(other), HasSubstr("resumes after step 2"));
  EXPECT_EQ(weights(), weights_of(pretraining(4)));
}

TEST_F(ChangedRunTest, AChangeOfAFinishedStageIsRefusedUntilItIsAccepted) {
  run(recipe(pretraining(2) + kSearchWide));
  const std::string before = weights();
  Recipe other = recipe(pretraining(2) + kSearchWide);
  other.stages[0].train().learning_rate = 2e-2;
  EXPECT_THAT(refusal(other), AllOf(HasSubstr("holds a run of another recipe"),
                                    HasSubstr("stage base: learning_rate: there 0.01, here 0.02"),
                                    HasSubstr("would be done again: base (pretrain, finished), wide (search, "
                                              "finished)")));
  const std::string said = run(other, {.accept_changes = true});
  EXPECT_THAT(said, HasSubstr("base: done again; what was there is in"));
  EXPECT_EQ(weights("stages/base.old-1/model"), before);
  EXPECT_NE(weights(), before);
  // The same command again, and the same without the permission: nothing is left to accept.
  EXPECT_THAT(run(other, {.accept_changes = true}), Not(HasSubstr("done again")));
  EXPECT_THAT(run(other), Not(HasSubstr("done again")));
}

// Killed between two stages that are done again: the rest is done again without a second permission.
TEST_F(ChangedRunTest, WhatWasAcceptedIsGoneOnWith) {
  run(recipe(pretraining(2) + kSearchWide));
  Recipe other = recipe(pretraining(2) + kSearchWide);
  other.stages[0].train().learning_rate = 2e-2;
  run(other, {.only_stages = {"base"}, .accept_changes = true});
  EXPECT_THAT(run(other), AllOf(HasSubstr("base: finished earlier"), HasSubstr("wide: done again")));
}

TEST_F(ChangedRunTest, AStageOfWhichNothingIsThereYetChangesFreely) {
  const auto error = error_of([&] {
    run_recipe(recipe(pretraining(2)), *make_world_of_one(),
               {.stop_requested = []() -> bool { fail(ErrorKind::kMemory, "out of it"); }});
  });
  ASSERT_TRUE(error);
  fs::remove_all(folder_ / "run/stages/base/checkpoints");
  ASSERT_TRUE(fs::exists(folder_ / "run/stages/base/begun.json"));
  Recipe other = recipe(pretraining(2));
  other.stages[0].train().learning_rate = 2e-2;
  run(other);
}

TEST_F(ChangedRunTest, AHalfDoneTrainingGoesOnFromAnEarlierStepWithOtherOptions) {
  const std::string keep_all = ", keep_checkpoints: 9";
  stop_after(recipe(pretraining(6, keep_all)), 4);
  Recipe lower = recipe(pretraining(6, keep_all));
  lower.stages[0].train().learning_rate = 1e-3;
  EXPECT_THAT(refusal(lower), HasSubstr("learning_rate"));
  EXPECT_THAT(refusal(lower, {.go_back_to = 9}),
              HasSubstr("no checkpoint of step 9; there are those of 1, 2, 3, 4"));
  const std::string said = run(lower, {.go_back_to = 2});
  EXPECT_THAT(said, AllOf(HasSubstr("base: back to step 2; later checkpoints are in"),
                          HasSubstr("resumes after step 2")));
  EXPECT_TRUE(fs::exists(folder_ / "run/stages/base/checkpoints.old-1/step-000004/manifest.json"));
  const std::string went_back = weights();
  // Two steps at the one rate and four at the other: as by hand.
  fs::remove_all(folder_ / "run");
  run(recipe(pretraining(2, keep_all)));
  lower.stages[0].train().steps = 6;
  run(lower, {.go_back_to = 2});
  EXPECT_EQ(weights(), went_back);
}

TEST_F(ChangedRunTest, NumbersThatFailNameTheCheckpointsFromBefore) {
  Recipe wild = recipe(pretraining(4));
  wild.stages[0].train().learning_rate = 1e30;  // the first step is finite, the next overflows
  wild.stages[0].train().max_skipped_steps = 0;
  testing::internal::CaptureStderr();
  try {
    run_recipe(wild, *make_world_of_one(), {});
    ADD_FAILURE() << "nothing failed";
  } catch (const TrainingFailed& failed) {
    EXPECT_EQ(failed.kind(), ErrorKind::kNumerics);
    EXPECT_EQ(failed.stage(), "base");
    EXPECT_EQ(failed.steps(), std::vector<int64_t>{1});
  }
  testing::internal::GetCapturedStderr();
}

// The command of a batch job is given again after each stop.
TEST_F(ChangedRunTest, GoingBackIsDoneOnce) {
  const std::string keep_all = ", keep_checkpoints: 9";
  stop_after(recipe(pretraining(6, keep_all)), 4);
  Recipe lower = recipe(pretraining(6, keep_all));
  lower.stages[0].train().learning_rate = 1e-3;
  int taken = 0;
  const auto error = error_of([&] {
    run_recipe(lower, *make_world_of_one(),
               {.go_back_to = 2, .stop_requested = [&] { return ++taken == 3; }});
  });
  ASSERT_TRUE(error);
  EXPECT_THAT(run(lower, {.go_back_to = 2}), HasSubstr("resumes after step 5"));
}

TEST_F(ChangedRunTest, ATextThatChangedIsFoundAndTheSameTextElsewhereIsNot) {
  run(recipe(pretraining(2) + kSearchWide));
  fs::create_directory(folder_ / "moved");
  fs::rename(folder_ / "text.txt", folder_ / "moved/text.txt");
  Recipe moved = recipe(pretraining(2) + kSearchWide);
  moved.data.train = {{(folder_ / "moved/text.txt").string()}};
  moved.data.validation = moved.data.test = {(folder_ / "moved/text.txt").string()};
  EXPECT_THAT(run(moved), Not(HasSubstr("stage ")));
  std::string text = read_bytes(folder_ / "moved/text.txt");
  text[10] = 'X';
  write_bytes(folder_ / "moved/text.txt", text);
  EXPECT_THAT(refusal(moved), AllOf(HasSubstr("stage base: train text: 1 text.txt: there SHA-256"),
                                    HasSubstr("stage wide: validation text: 1 text.txt")));
}

class ChangedModelTest : public ChangedRunTest {
 protected:
  ChangedModelTest() : recipe_(recipe(pretraining(2) + kSearchWide)) {
    make_over_pretrained(recipe_, folder_, *make_world_of_one());
    fs::remove_all(folder_ / "run");
  }
  void change_a_weight() const {
    const fs::path file = folder_ / "model/model.safetensors";
    std::string bytes = read_bytes(file);
    bytes[bytes.size() - 2] ^= 1;
    write_bytes(file, bytes);
  }
  Recipe recipe_;
};

TEST_F(ChangedModelTest, WeightsReplacedUnderTheSameNameAreFound) {
  run(recipe_);
  change_a_weight();
  EXPECT_THAT(refusal(recipe_), HasSubstr("stage wide: model: weights: there SHA-256"));
  EXPECT_THAT(run(recipe_, {.accept_changes = true}), HasSubstr("wide: done again"));
}

TEST_F(ChangedModelTest, TheSameBytesElsewhereAreAccepted) {
  run(recipe_);
  fs::rename(folder_ / "model", folder_ / "elsewhere");
  recipe_.model.path = (folder_ / "elsewhere").string();
  EXPECT_THAT(run(recipe_), HasSubstr("wide: finished earlier"));
}

TEST_F(ChangedRunTest, AModelThatAStageMadeAndSomebodyReplacedIsFound) {
  run(recipe(pretraining(2) + kSearchWide));
  const fs::path file = folder_ / "run/stages/base/model/model.safetensors";
  std::string bytes = read_bytes(file);
  bytes[bytes.size() - 2] ^= 1;
  write_bytes(file, bytes);
  EXPECT_THAT(refusal(recipe(pretraining(2) + kSearchWide)),
              HasSubstr("stage base: the model it made: there"));
  fs::remove(file);
  EXPECT_THAT(refusal(recipe(pretraining(2) + kSearchWide)), HasSubstr("here nothing"));
}

TEST_F(ChangedRunTest, AStageWithoutItsInputsIsRefusedOrRunBehindTheirMakers) {
  const Recipe all = recipe(pretraining(2) + kSearchWide + kScores);
  const auto error = error_of([&] { run_recipe(all, *make_world_of_one(), {.only_stages = {"scores"}}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kMissingInput);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("stage scores needs weights of stage base, which is not done"),
                                   HasSubstr("factors wide of stage wide")));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  run(all, {.only_stages = {"scores"}, .with_makers = true});
  EXPECT_EQ(report().at("evaluations").size(), 2u);
}

TEST_F(ChangedRunTest, TheReportIsWrittenAgainFromTheRecordsOfItsStages) {
  const Recipe all = recipe(pretraining(2) + kSearchWide + kScores);
  run(all);
  const std::string before = read_bytes(folder_ / "run/report.json");
  fs::remove(folder_ / "run/report.json");
  run(all);
  EXPECT_EQ(read_bytes(folder_ / "run/report.json"), before);
}

TEST_F(ChangedRunTest, AnEvaluationThatChangedKeepsTheFiguresThatHold) {
  run(recipe(pretraining(2) + kSearchWide + kScores));
  const auto before = report().at("evaluations");
  Recipe more = recipe(pretraining(2) + kSearchWide + kScores);
  more.stages[2].evaluate().factors = {"wide", "yarn"};
  int evaluated = 0;
  run(more, {.stop_requested = [&] { return ++evaluated > 99; }});
  EXPECT_EQ(evaluated, 1) << "only yarn is new";
  const auto now = report().at("evaluations");
  ASSERT_EQ(now.size(), 2u) << "what is no longer asked for is no longer reported";
  EXPECT_EQ(now.at(0).at("bits_per_byte"), before.at(1).at("bits_per_byte"));
}

TEST_F(ChangedRunTest, AStageThatIsDoneAgainBeforeAFinishedOneLeavesTheNewestModelPublished) {
  const std::string two =
      "  - {name: second, kind: finetune, from: none, makes: second, length: 64, steps: 2}\n";
  run(recipe(pretraining(2) + two));
  const std::string newest = weights();
  run(recipe(pretraining(2) + kSearchWide + two));
  EXPECT_EQ(weights(), newest);
  EXPECT_EQ(read_factor_file(folder_ / "run/model/rope_factors.json").sets.size(), 2u);
}

TEST_F(ChangedRunTest, ARunThatRecordedNoIdentitiesIsTakenOverWithTheSameRecipeOnly) {
  const Recipe all = recipe(pretraining(2) + kSearchWide);
  run(all);
  // As an earlier version left it: one stage done, one half done.
  fs::remove(folder_ / "run/stages/wide/done.json");
  for (const char* name : {"base", "wide"}) fs::remove(folder_ / "run/stages" / name / "begun.json");
  write_bytes(folder_ / "run/stages/base/done.json", "{\"stage\": \"base\", \"steps\": 2}");
  Recipe other = all;
  other.seed = 5;
  EXPECT_THAT(refusal(other), AllOf(HasSubstr("holds a run of another recipe"),
                                    HasSubstr("there \"seed: 1\", here \"seed: 5\"")));
  EXPECT_THAT(run(all), AllOf(HasSubstr("base: finished earlier"), HasSubstr("stage wide")));
  // From now on it has records.
  EXPECT_THAT(refusal(other), HasSubstr("stages base, wide: seed: there 1, here 5"));
  EXPECT_EQ(nlohmann::json::parse(read_bytes(folder_ / "run/stages/base/done.json")).at("steps"), 2);
}

TEST_F(ChangedRunTest, ADamagedRecordIsNamed) {
  run(recipe(pretraining(2)));
  write_bytes(folder_ / "run/stages/base/done.json", "{");
  EXPECT_THAT(refusal(recipe(pretraining(2))), HasSubstr("stages/base/done.json"));
}

TEST_F(ChangedRunTest, EveryRankHearsWhatChanged) {
  run(recipe(pretraining(2)));
  Recipe other = recipe(pretraining(2));
  other.seed = 5;
  std::vector<std::string> messages(3);
  run_thread_world(3, [&](Communicator& world) {
    const auto error = error_of([&] { run_recipe(other, world, {}); });
    messages[static_cast<size_t>(world.rank())] = error ? error->what() : "";
  });
  for (const std::string& message : messages) EXPECT_THAT(message, HasSubstr("seed: there 1, here 5"));
}

}  // namespace
}  // namespace ropeway
