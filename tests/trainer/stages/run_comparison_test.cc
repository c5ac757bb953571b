// What becomes of stages for each kind of change, stage by stage against what is written down here.
#include "trainer/stages/run_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace ropeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Progress = RecordedStage::Progress;
using Then = StageOutlook::Then;

// base (pretrain) -> wide (search) -> tune (finetune) -> scores (evaluate), all finished.
class RunComparisonTest : public testing::Test {
 protected:
  RunComparisonTest() {
    add("base", StageKind::kPretrain, {{"steps", "100"}, {"learning_rate", "1e-3"}}, {});
    add("wide", StageKind::kSearch, {{"documents", "5"}}, {{"weights", "base", ""}});
    add("tune", StageKind::kFinetune, {{"steps", "200"}, {"learning_rate", "1e-4"}, {"from", "wide"}},
        {{"weights", "base", ""}, {"factors wide", "wide", ""}});
    add("scores", StageKind::kEvaluate, {{"windows", "4"}}, {{"weights", "tune", ""}});
    record();
  }

  void add(const std::string& name, StageKind kind,
           const std::vector<std::pair<std::string, std::string>>& options,
           const std::vector<StageInput>& inputs) {
    WantedStage stage{.name = name, .kind = kind};
    for (const auto& [key, value] : options)
      stage.identity.parts.push_back({IdentityKind::kOption, key, value});
    stage.identity.parts.push_back({IdentityKind::kRecipe, "seed", "1"});
    stage.identity.parts.push_back({IdentityKind::kTokenizer, "tokens", "bytes"});
    stage.identity.inputs = inputs;
    wanted_.push_back(stage);
  }
  // As if the wanted stages had been run.
  void record() {
    recorded_.clear();
    for (const WantedStage& stage : wanted_) {
      RecordedStage record{.progress = Progress::kDone,
                           .identity = stage.identity,
                           .result = fmt::format("made by {}", stage.name),
                           .result_now = fmt::format("made by {}", stage.name)};
      for (StageInput& input : record.identity.inputs) input.made = fmt::format("made by {}", input.maker);
      const std::string& steps = stage.identity.option("steps");
      if (!steps.empty()) record.steps = std::stoll(steps);
      recorded_.push_back(record);
    }
  }
  void set(size_t stage, const std::string& key, const std::string& value) {
    for (IdentityPart& part : wanted_[stage].identity.parts) {
      if (part.key == key) part.value = std::string(value);
    }
  }
  // Stopped in the middle, its last checkpoint at this step.
  void stop_in(size_t stage, int64_t step) {
    recorded_[stage].progress = Progress::kBegun;
    recorded_[stage].steps = step;
    for (size_t i = stage + 1; i < recorded_.size(); ++i) recorded_[i] = {};
  }

  std::vector<Then> then(const std::optional<GoBack>& go_back = {}) const {
    std::vector<Then> all;
    for (const StageOutlook& stage : compare_run(wanted_, recorded_, go_back)) all.push_back(stage.then);
    return all;
  }
  // The stages whose change has to be accepted.
  std::vector<std::string> asks() const {
    std::vector<std::string> names;
    for (const StageOutlook& stage : compare_run(wanted_, recorded_)) {
      if (stage.has_to_be_accepted) names.push_back(stage.name);
    }
    return names;
  }

  std::vector<WantedStage> wanted_;
  std::vector<RecordedStage> recorded_;
};

TEST_F(RunComparisonTest, WhatIsUnchangedStaysDone) {
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kDone, Then::kDone, Then::kDone));
  EXPECT_THAT(changes_to_accept(compare_run(wanted_, recorded_), std::vector<bool>(4, true)), IsEmpty());
}

TEST_F(RunComparisonTest, WhatWasStoppedGoesOn) {
  stop_in(2, 50);
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kDone, Then::kGoesOn, Then::kToDo));
}

TEST_F(RunComparisonTest, AnAppendedStageIsTheOnlyOneToDo) {
  add("more", StageKind::kEvaluate, {{"windows", "1"}}, {{"weights", "tune", ""}});
  recorded_.emplace_back();
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kDone, Then::kDone, Then::kDone, Then::kToDo));
  EXPECT_THAT(asks(), IsEmpty());
}

TEST_F(RunComparisonTest, MoreStepsOfAFinishedTrainingGoOnAndWhatFollowsIsDoneAgainUnasked) {
  set(2, "steps", "300");
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kDone, Then::kGoesOn, Then::kAgain));
  EXPECT_THAT(asks(), IsEmpty());
  const auto outlook = compare_run(wanted_, recorded_);
  EXPECT_EQ(outlook[2].goes_on_after, 200);
  EXPECT_THAT(outlook[3].follows, ElementsAre("tune"));
}

TEST_F(RunComparisonTest, StepsMayFallToThoseTakenAndNoFurther) {
  stop_in(2, 50);
  set(2, "steps", "50");
  EXPECT_EQ(then()[2], Then::kGoesOn);
  EXPECT_THAT(asks(), IsEmpty());
  set(2, "steps", "49");
  EXPECT_EQ(then()[2], Then::kAgain);
  EXPECT_THAT(asks(), ElementsAre("tune"));
}

TEST_F(RunComparisonTest, FewerStepsOfAFinishedTrainingAreAnotherTraining) {
  set(2, "steps", "100");
  EXPECT_EQ(then()[2], Then::kAgain);
  EXPECT_THAT(asks(), ElementsAre("tune"));
}

TEST_F(RunComparisonTest, AnOptionOfAFinishedStageIsAskedForThereAndNowhereElse) {
  set(1, "documents", "6");
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kAgain, Then::kAgain, Then::kAgain));
  EXPECT_THAT(asks(), ElementsAre("wide"));
  const auto outlook = compare_run(wanted_, recorded_);
  EXPECT_THAT(changes_to_accept(outlook, std::vector<bool>(4, true)),
              ElementsAre("stage wide: documents: there 5, here 6",
                          "would be done again: wide (search, finished), tune (finetune, finished), scores "
                          "(evaluate, finished)"));
  EXPECT_THAT(changes_to_accept(outlook, {true, false, true, true}), IsEmpty());
}

TEST_F(RunComparisonTest, AnOptionOfAHalfDoneStageIsAskedForAndOneOfAStageNotBegunIsNot) {
  stop_in(2, 50);
  set(3, "windows", "9");
  EXPECT_THAT(asks(), IsEmpty());
  set(2, "learning_rate", "1e-5");
  EXPECT_EQ(then()[2], Then::kAgain);
  EXPECT_THAT(asks(), ElementsAre("tune"));
}

TEST_F(RunComparisonTest, EvaluationsChangeFreely) {
  set(3, "windows", "9");
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kDone, Then::kDone, Then::kAgain));
  EXPECT_THAT(asks(), IsEmpty());
}

TEST_F(RunComparisonTest, AChangeOfAllStagesIsOneLine) {
  for (size_t i = 0; i < wanted_.size(); ++i) set(i, "seed", "2");
  EXPECT_EQ(changes_to_accept(compare_run(wanted_, recorded_), std::vector<bool>(4, true)).front(),
            "stages base, wide, tune: seed: there 1, here 2");
}

// The training was done again and stopped then: what starts from it still has what the earlier one made.
TEST_F(RunComparisonTest, WhatStartsFromSomethingMadeSinceIsDoneAgain) {
  recorded_[0].result = recorded_[0].result_now = "made later";
  EXPECT_THAT(then(), ElementsAre(Then::kDone, Then::kAgain, Then::kAgain, Then::kAgain));
  EXPECT_THAT(asks(), IsEmpty());
}

TEST_F(RunComparisonTest, AModelThatWasReplacedOrLostIsSeen) {
  for (const char* found : {"somebody's", ""}) {
    recorded_[2].result_now = found;
    EXPECT_EQ(then()[2], Then::kAgain);
    EXPECT_THAT(asks(), ElementsAre("tune"));
    EXPECT_THAT(describe(compare_run(wanted_, recorded_)[2].changes.at(0)),
                HasSubstr("the model it made: there"));
  }
}

TEST_F(RunComparisonTest, AnotherMakerOfAnInputIsAsked) {
  wanted_[2].identity.inputs[1] = {"factors narrow", "narrow", ""};
  EXPECT_EQ(then()[2], Then::kAgain);
  EXPECT_THAT(asks(), ElementsAre("tune"));
}

TEST_F(RunComparisonTest, WhatIsUnknownOnEitherSideIsNotCompared) {
  set(1, "tokens", "others");
  wanted_[1].identity.unknown = {IdentityKind::kTokenizer};
  EXPECT_EQ(then()[1], Then::kDone);
  wanted_[1].identity.unknown.clear();
  recorded_[1].identity.unknown = {IdentityKind::kTokenizer};
  EXPECT_EQ(then()[1], Then::kDone);
  recorded_[1].identity.unknown.clear();
  EXPECT_EQ(then()[1], Then::kAgain);
}

TEST_F(RunComparisonTest, AKeyThatARecordFromBeforeItLacksIsNoChangeAtItsDefault) {
  wanted_[0].identity.parts.push_back({IdentityKind::kOption, "new_key", "off", true});
  EXPECT_EQ(then()[0], Then::kDone);
  wanted_[0].identity.parts.back() = {IdentityKind::kOption, "new_key", "on", false};
  EXPECT_EQ(then()[0], Then::kAgain);
}

TEST_F(RunComparisonTest, GoingBackTakesOptionsAsTheyAreNow) {
  stop_in(2, 150);
  set(2, "learning_rate", "1e-5");
  const auto outlook = compare_run(wanted_, recorded_, GoBack{"tune", 100});
  EXPECT_EQ(outlook[2].then, Then::kGoesOn);
  EXPECT_FALSE(outlook[2].has_to_be_accepted);
  EXPECT_EQ(outlook[2].goes_on_after, 100);
  EXPECT_TRUE(outlook[2].goes_back);
}

// A batch system gives the same command again after every stop.
TEST_F(RunComparisonTest, GoingBackASecondTimeGoesOn) {
  stop_in(2, 150);
  recorded_[2].went_back_to = 100;
  const auto outlook = compare_run(wanted_, recorded_, GoBack{"tune", 100});
  EXPECT_EQ(outlook[2].goes_on_after, 150);
  EXPECT_FALSE(outlook[2].goes_back);
  recorded_[2].progress = Progress::kDone;
  EXPECT_EQ(compare_run(wanted_, recorded_, GoBack{"tune", 100})[2].then, Then::kDone);
  set(2, "learning_rate", "1e-5");
  EXPECT_TRUE(compare_run(wanted_, recorded_, GoBack{"tune", 100})[2].goes_back);
}

TEST_F(RunComparisonTest, ThereIsNoGoingBackUnderOtherFactorsOrInputs) {
  stop_in(2, 150);
  set(2, "from", "none");
  EXPECT_THAT(compare_run(wanted_, recorded_, GoBack{"tune", 100})[2].cannot_go_back, HasSubstr("from"));
  set(2, "from", "wide");
  set(2, "tokens", "others");
  EXPECT_THAT(compare_run(wanted_, recorded_, GoBack{"tune", 100})[2].cannot_go_back, HasSubstr("tokenizer"));
  set(2, "tokens", "bytes");
  set(0, "learning_rate", "2e-3");
  EXPECT_THAT(compare_run(wanted_, recorded_, GoBack{"tune", 100})[2].cannot_go_back, HasSubstr("base"));
}

TEST_F(RunComparisonTest, AStageWhoseInputsAreNotThereIsRefusedNamingTheirMakers) {
  recorded_.assign(4, {});
  const auto outlook = compare_run(wanted_, recorded_);
  expect_error(ErrorKind::kMissingInput,
               {"stage tune needs weights of stage base, which is not done",
                "stage tune needs factors wide of stage wide, which is not done"},
               [&] { stages_to_run(wanted_, outlook, {"tune"}, false); });
  EXPECT_THAT(stages_to_run(wanted_, outlook, {"tune"}, true), ElementsAre(true, true, true, false));
  EXPECT_THAT(stages_to_run(wanted_, outlook, {"base"}, false), ElementsAre(true, false, false, false));
  EXPECT_THAT(stages_to_run(wanted_, outlook, {"base", "wide"}, false),
              ElementsAre(true, true, false, false));
}

TEST_F(RunComparisonTest, AMakerThatIsNoLongerUpToDateIsNoMaker) {
  set(2, "learning_rate", "1e-5");
  const auto outlook = compare_run(wanted_, recorded_);
  expect_error(ErrorKind::kMissingInput, {"scores needs weights of stage tune, which is not up to date"},
               [&] { stages_to_run(wanted_, outlook, {"scores"}, false); });
}

TEST(StageIdentity, IsReadAsItWasWritten) {
  const StageIdentity identity{
      .parts = {{IdentityKind::kRecipe, "seed", "1"}, {IdentityKind::kTrainText, "1 a \"b\".txt", "hash"}},
      .inputs = {{"weights", "base", "made"}},
      .unknown = {IdentityKind::kModel}};
  EXPECT_EQ(identity_from_json(identity_to_json(identity), "here"), identity);
  expect_error(ErrorKind::kBadData, {"here"}, [] { identity_from_json("{}", "here"); });
}

TEST(StageIdentity, StepsAreNotWhatCheckpointsAreBoundTo) {
  StageIdentity identity{
      .parts = {{IdentityKind::kOption, "steps", "1"}, {IdentityKind::kOption, "length", "8"}}};
  const std::string before = binding_of(identity);
  identity.parts[0].value = "2";
  EXPECT_EQ(binding_of(identity), before);
  std::swap(identity.parts[0], identity.parts[1]);  // versions may list keys in another order
  EXPECT_EQ(binding_of(identity), before);
  identity.parts[0].value = "9";
  EXPECT_NE(binding_of(identity), before);
}

}  // namespace
}  // namespace ropeway
