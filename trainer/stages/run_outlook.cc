#include "trainer/stages/run_outlook.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"
#include "trainer/stages/recipe_difference.h"
#include "trainer/stages/run_contents.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_identity.h"
#include "trainer/stages/run_refusals.h"
#include "trainer/stages/stage_record.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Progress = RecordedStage::Progress;

fs::path folder_of(const fs::path& run_dir, const std::string& stage) { return run_dir / "stages" / stage; }

// A run that recorded no identities was bound to its whole recipe: with the same one it has those that are
// wanted now.
void take_over_earlier_version(const Recipe& recipe, FileHashes& hashes, RunOutlook& outlook) {
  const fs::path run_dir = recipe.run_dir;
  std::vector<size_t> without;
  for (size_t i = 0; i < outlook.wanted.size(); ++i) {
    const WantedStage& stage = outlook.wanted[i];
    if (is_without_identity(folder_of(run_dir, stage.name), stage.kind)) without.push_back(i);
  }
  if (without.empty() || !fs::exists(identity_file(run_dir))) return;
  const std::string there = read_text_file(identity_file(run_dir)), here = identity_of(recipe).lasting;
  if (there != here) {
    fail(ErrorKind::kCannotCreate, WayOut::kOtherRun,
         "{}: holds a run of another recipe, by a version that did not record what each stage was made "
         "from:{}",
         run_dir.string(), recipe_difference(there, here));
  }
  for (const size_t i : without) {
    const WantedStage& wanted = outlook.wanted[i];
    const fs::path folder = folder_of(run_dir, wanted.name);
    RecordedStage& recorded = outlook.recorded[i];
    const bool done = RunDirectory::is_done(run_dir, wanted.name);
    recorded = {.progress = done ? Progress::kDone : Progress::kBegun,
                .identity = wanted.identity,
                .earlier_bindings = {sha256_of(there)}};
    for (StageInput& input : recorded.identity.inputs) {
      for (size_t k = 0; k < i; ++k) {
        if (outlook.wanted[k].name == input.maker) input.made = outlook.recorded[k].result;
      }
    }
    if (is_training(wanted.kind)) {
      const std::vector<int64_t> steps = list_checkpoints(folder / "checkpoints");
      recorded.steps = steps.empty() ? 0 : steps.back();
    }
    if (done) recorded.result = recorded.result_now = result_of(folder, wanted.kind, hashes);
  }
}

std::vector<std::string> strangers_in(const Recipe& recipe) {
  std::vector<std::string> strangers;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(recipe.run_dir) / "stages", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_known =
        std::ranges::any_of(recipe.stages, [&](const StageRecipe& stage) { return stage.name == name; });
    if (!is_known) strangers.push_back(name);
  }
  std::ranges::sort(strangers);
  return strangers;
}

// The one that was named; else the first training stage that has begun and is not done as it is wanted; else
// the last finished one.
std::string stage_to_go_back(const RunOutlook& outlook, const std::vector<std::string>& only) {
  std::string found;
  for (const StageOutlook& stage : outlook.stages) {
    const bool named = only.empty() || std::ranges::find(only, stage.name) != only.end();
    if (!is_training(stage.kind) || !named) continue;
    if (stage.was != Progress::kNone) found = stage.name;
    if (stage.was != Progress::kNone && stage.then != StageOutlook::Then::kDone) break;
  }
  if (found.empty()) {
    fail(ErrorKind::kUsage, "there is no training stage{} with checkpoints to go on from",
         only.empty() ? "" : fmt::format(" among {}", fmt::join(only, ", ")));
  }
  return found;
}

void require_checkpoint(const fs::path& folder, const GoBack& to) {
  const std::vector<int64_t> steps = list_checkpoints(folder / "checkpoints");
  if (std::ranges::find(steps, to.step) == steps.end()) {
    fail(ErrorKind::kMissingInput, "stage {}: no checkpoint of step {}; there are those of {}", to.stage,
         to.step, steps.empty() ? "none" : fmt::format("{}", fmt::join(steps, ", ")));
  }
  read_verified_manifest(folder / "checkpoints" / name_of_step(to.step), true);
}

void go_back(const Recipe& recipe, const RunChoice& choice, RunOutlook& outlook) {
  outlook.go_back = {stage_to_go_back(outlook, choice.only_stages), choice.go_back_to};
  outlook.stages = compare_run(outlook.wanted, outlook.recorded, outlook.go_back);
  for (const StageOutlook& stage : outlook.stages) {
    if (stage.name != outlook.go_back->stage) continue;
    if (!stage.cannot_go_back.empty()) {
      throw ChangedRun(fmt::format("stage {} cannot go on from step {}: {}", stage.name, choice.go_back_to,
                                   stage.cannot_go_back));
    }
    if (stage.goes_back) require_checkpoint(folder_of(recipe.run_dir, stage.name), *outlook.go_back);
  }
}

}  // namespace

fs::path hash_store(const fs::path& run_dir) { return run_dir / ".hashes.json"; }

RunOutlook look_at_run(const Recipe& recipe, const RunInputs* inputs, const RunChoice& choice,
                       FileHashes& hashes) {
  RunOutlook outlook;
  outlook.wanted = wanted_stages(recipe, read_run_contents(recipe, inputs, hashes));
  outlook.recorded.resize(outlook.wanted.size());
  if (!choice.fresh) {
    for (size_t i = 0; i < outlook.wanted.size(); ++i) {
      const WantedStage& stage = outlook.wanted[i];
      outlook.recorded[i] = read_stage_record(folder_of(recipe.run_dir, stage.name), stage.kind, hashes);
    }
    take_over_earlier_version(recipe, hashes, outlook);
    outlook.strangers = strangers_in(recipe);
  }
  outlook.stages = compare_run(outlook.wanted, outlook.recorded);
  if (choice.go_back_to >= 0) go_back(recipe, choice, outlook);
  outlook.to_run = stages_to_run(outlook.wanted, outlook.stages, choice.only_stages, choice.with_makers);
  outlook.to_accept = changes_to_accept(outlook.stages, outlook.to_run);
  return outlook;
}

}  // namespace ropeway
