// Keeps the records of a run's stages while it runs: what each starts from, what it made, and what of an
// earlier attempt is moved aside. On rank 0 alone; run_outlook.h has decided what is to be done.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "trainer/stages/run_outlook.h"
#include "trainer/stages/stage_binding.h"
#include "trainer/stages/stage_record.h"

namespace ropeway {

// As a letter that rank 0 sends to the others.
enum class StageFate : char { kDone = 'd', kRuns = 'r', kAgain = 'a', kLeft = '-' };

class RunLedger {
 public:
  RunLedger(std::filesystem::path run_dir, RunOutlook outlook, FileHashes hashes);

  std::string fates() const;  // a StageFate per stage of the recipe

  const StageOutlook& outlook(const std::string& stage) const;

  // Before the first stage, once the folder is taken: what was accepted to be done again is moved aside, and
  // checkpoints beyond the one to go back to.
  void clear_the_way();

  // Writes the record of a stage that begins or goes on. Moves aside what a stage that is done again has
  // left, except for evaluations, which keep the figures that hold.
  StageBinding begin(const std::string& stage);
  void finish(const StageRecord& stage, const RunReport& report);
  // A stage that is done and stays so. Returns its part of the report.
  RunReport take_over(const std::string& stage);

 private:
  size_t index_of(const std::string& stage) const;
  std::filesystem::path folder(size_t index) const;
  StageIdentity identity(size_t index) const;  // with what its inputs are now
  void move_aside(size_t index);
  void go_back(size_t index);
  void save_hashes();

  std::filesystem::path run_dir_;
  RunOutlook outlook_;
  FileHashes hashes_;
  std::map<std::string, std::string> made_;  // results by stage
  std::vector<bool> is_clear_;               // moved aside already
  std::vector<BegunStage> begun_;
};

}  // namespace ropeway
