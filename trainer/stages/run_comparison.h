// What is to become of each stage of a run: the identities that are recorded in its folder against those that
// the recipe wants now. A pure function; running, showing what would be run, and refusing all go by its
// result.
//
// A stage is done again when its own identity changed or when it starts from something that is made again;
// nothing else is. What the user changed in a stage that is finished or half done has to be accepted, with
// these exceptions:
//
//   steps of training   may change as long as no fewer are wanted than were taken: it goes on
//   evaluations         are done again; figures that still hold are kept
//   what follows        stages that are done again only because one before them is: that was accepted
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/stages/stage_identity.h"
#include "trainer/stages/wanted_stages.h"

namespace ropeway {

// What the folder says of a stage.
struct RecordedStage {
  enum class Progress { kNone, kBegun, kDone } progress = Progress::kNone;
  StageIdentity identity = {};
  std::string result = {};      // of what a finished stage made; stages that start from it name it
  std::string result_now = {};  // of what is there now; empty: it is gone
  int64_t steps = 0;            // of training: those in the newest checkpoint
  int64_t went_back_to = -1;    // the step that the user had it go on from; below 0: none
  std::vector<std::string> earlier_bindings = {};  // other than its identity's that its checkpoints may have
};

struct StageChange {
  IdentityKind kind = IdentityKind::kOption;
  std::string key, before, now;  // "" where there is none
  // Of an input: who makes it; of a result: what is there. Not a part of the identity by itself.
  bool is_input = false, is_result = false;
};

struct StageOutlook {
  enum class Then {
    kDone,    // and stays so
    kToDo,    // nothing of it is there
    kGoesOn,  // from where it is
    kAgain,   // from its beginning
  };
  std::string name;
  StageKind kind = StageKind::kEvaluate;
  RecordedStage::Progress was = RecordedStage::Progress::kNone;
  Then then = Then::kToDo;
  std::vector<StageChange> changes = {};
  std::vector<std::string> follows = {};  // stages that it starts from and that are made anew
  bool has_to_be_accepted = false;
  int64_t goes_on_after = 0;        // step of training
  bool goes_back = false;           // to that step, from later ones
  std::string cannot_go_back = {};  // why the step that was asked for is no place to go on from
};

// Training stage `stage` is to go on from its checkpoint of this step, under its present options.
struct GoBack {
  std::string stage;
  int64_t step = 0;
};

// recorded: one per wanted stage.
std::vector<StageOutlook> compare_run(const std::vector<WantedStage>& wanted,
                                      const std::vector<RecordedStage>& recorded,
                                      const std::optional<GoBack>& go_back = {});

// Which stages to run, of those that are not done. only: names; empty: all. Adds the stages that these start
// from where `with_makers` is set. Throws kMissingInput naming what is missing and the stages that make it.
std::vector<bool> stages_to_run(const std::vector<WantedStage>& wanted,
                                const std::vector<StageOutlook>& outlook,
                                const std::vector<std::string>& only, bool with_makers);

// Of the stages to run, those whose change has to be accepted, one line per change:
// "stages base, tune: seed: there 7, here 8"; and a last one that says what would be done again. Empty: none.
std::vector<std::string> changes_to_accept(const std::vector<StageOutlook>& outlook,
                                           const std::vector<bool>& to_run);

// "learning_rate: there 2e-05, here 1e-05"
std::string describe(const StageChange& change);

}  // namespace ropeway
