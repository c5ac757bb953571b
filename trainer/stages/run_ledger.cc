#include "trainer/stages/run_ledger.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Progress = RecordedStage::Progress;
using Then = StageOutlook::Then;

// The first FOLDER.old-N that does not exist.
fs::path aside_of(const fs::path& folder) {
  for (int i = 1;; ++i) {
    const fs::path target = fmt::format("{}.old-{}", folder.string(), i);
    if (!fs::exists(target)) return target;
  }
}

void move_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    fail(ErrorKind::kCannotCreate, "{}: cannot be moved to {}: {}", from.string(), to.string(),
         error.message());
  }
}

}  // namespace

RunLedger::RunLedger(fs::path run_dir, RunOutlook outlook, FileHashes hashes)
    : run_dir_(std::move(run_dir)),
      outlook_(std::move(outlook)),
      hashes_(std::move(hashes)),
      is_clear_(outlook_.stages.size()),
      begun_(outlook_.stages.size()) {}

size_t RunLedger::index_of(const std::string& stage) const {
  const auto found = std::ranges::find(outlook_.stages, stage, &StageOutlook::name);
  ROPEWAY_CHECK(found != outlook_.stages.end(), "no stage {}", stage);
  return static_cast<size_t>(found - outlook_.stages.begin());
}

std::string RunLedger::fates() const {
  std::string fates;
  for (size_t i = 0; i < outlook_.stages.size(); ++i) {
    const Then then = outlook_.stages[i].then;
    const StageFate fate = then == Then::kDone    ? StageFate::kDone
                           : !outlook_.to_run[i]  ? StageFate::kLeft
                           : then == Then::kAgain ? StageFate::kAgain
                                                  : StageFate::kRuns;
    fates += static_cast<char>(fate);
  }
  return fates;
}

const StageOutlook& RunLedger::outlook(const std::string& stage) const {
  return outlook_.stages[index_of(stage)];
}

fs::path RunLedger::folder(size_t index) const { return run_dir_ / "stages" / outlook_.stages[index].name; }

StageIdentity RunLedger::identity(size_t index) const {
  StageIdentity identity = outlook_.wanted[index].identity;
  for (StageInput& input : identity.inputs) {
    const auto made = made_.find(input.maker);
    ROPEWAY_CHECK(made != made_.end(), "stage {}: {} has not been made", outlook_.stages[index].name,
                  input.what);
    input.made = made->second;
  }
  return identity;
}

void RunLedger::move_aside(size_t index) {
  if (is_clear_[index]) return;
  is_clear_[index] = true;
  if (outlook_.stages[index].kind == StageKind::kEvaluate) return;
  const fs::path target = aside_of(folder(index));
  move_to(folder(index), target);
  fs::create_directories(folder(index));
  fsync_path(run_dir_ / "stages");
  log_info("{}: done again; what was there is in {}", outlook_.stages[index].name, target.string());
}

void RunLedger::go_back(size_t index) {
  const fs::path checkpoints = folder(index) / "checkpoints", target = aside_of(checkpoints);
  const int64_t step = outlook_.stages[index].goes_on_after;
  std::vector<fs::path> later = step_folders(checkpoints);
  std::erase_if(later, [&](const fs::path& path) { return step_of_name(path.filename().string()) <= step; });
  begun_[index].went_back_to = step;
  if (!later.empty()) fs::create_directories(target);
  for (auto path = later.rbegin(); path != later.rend(); ++path) move_to(*path, target / path->filename());
  if (later.empty()) return;
  fsync_path(checkpoints);
  log_info("{}: back to step {}; later checkpoints are in {}", outlook_.stages[index].name, step,
           target.string());
}

void RunLedger::clear_the_way() {
  for (size_t i = 0; i < outlook_.stages.size(); ++i) {
    const StageOutlook& stage = outlook_.stages[i];
    if (!outlook_.to_run[i]) continue;
    if (stage.then == Then::kAgain && stage.has_to_be_accepted) move_aside(i);
    if (stage.goes_back) go_back(i);
  }
  save_hashes();
}

StageBinding RunLedger::begin(const std::string& stage) {
  const size_t index = index_of(stage);
  const StageOutlook& outlook = outlook_.stages[index];
  const RecordedStage& recorded = outlook_.recorded[index];
  BegunStage& begun = begun_[index];
  begun.identity = identity(index);
  const std::string binding = binding_of(begun.identity);
  if (outlook.then == Then::kAgain) move_aside(index);
  if (outlook.then == Then::kGoesOn) {
    if (!outlook.goes_back) begun.went_back_to = recorded.went_back_to;
    begun.earlier_bindings = recorded.earlier_bindings;
    const std::string was = binding_of(recorded.identity);
    const auto& earlier = begun.earlier_bindings;
    if (was != binding && std::ranges::find(earlier, was) == earlier.end())
      begun.earlier_bindings.push_back(was);
  }
  write_begun_record(folder(index), begun);
  return {binding, begun.earlier_bindings};
}

void RunLedger::finish(const StageRecord& stage, const RunReport& report) {
  const size_t index = index_of(stage.name);
  const std::string result = result_of(folder(index), outlook_.stages[index].kind, hashes_, report);
  made_[stage.name] = result;
  write_done_record(folder(index), {.stage = stage,
                                    .identity = begun_[index].identity,
                                    .result = result,
                                    .went_back_to = begun_[index].went_back_to,
                                    .report = report});
  save_hashes();
}

RunReport RunLedger::take_over(const std::string& stage) {
  const size_t index = index_of(stage);
  const RecordedStage& recorded = outlook_.recorded[index];
  made_[stage] = recorded.result;
  if (is_without_identity(folder(index), outlook_.stages[index].kind)) {
    complete_done_record(folder(index), recorded.identity, recorded.result);
  }
  return recorded_report(folder(index));
}

// Without it files are read again next time.
void RunLedger::save_hashes() {
  if (!hashes_.has_news() && fs::exists(hash_store(run_dir_))) return;
  try {
    hashes_.save(hash_store(run_dir_));
  } catch (const Error& error) {
    log_warning("{}; large files are hashed again next time", error.what());
  }
}

}  // namespace ropeway
