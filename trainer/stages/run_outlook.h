// What becomes of a run's stages when its recipe is run now: the records in its folder against the recipe and
// what that names. Reads only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/files/file_hashes.h"
#include "trainer/stages/run_comparison.h"

namespace ropeway {

struct RunInputs;

// How a user steers what a run does.
struct RunChoice {
  std::vector<std::string> only_stages = {};  // names of the recipe's; empty: all
  bool with_makers = false;                   // and the stages that these start from
  bool fresh = false;                         // as if nothing was there
  int64_t go_back_to = -1;                    // step of a checkpoint; below 0: none
};

struct RunOutlook {
  std::vector<WantedStage> wanted;
  std::vector<RecordedStage> recorded;
  std::vector<StageOutlook> stages;
  std::vector<bool> to_run;
  std::optional<GoBack> go_back;
  std::vector<std::string> to_accept;  // changes_to_accept()
  std::vector<std::string> strangers;  // folders of stages that the recipe does not have
};

// The folder keeps what is known of large files (FileHashes).
std::filesystem::path hash_store(const std::filesystem::path& run_dir);

// inputs: null where the model cannot be opened. Throws kMissingInput where stages that others start from are
// not done, and for a checkpoint to go back to that is not there; kUsage where it is not clear which stage is
// to go back; kCannotCreate for a run of an earlier version that recorded no identities and has another
// recipe; kBadData for records that cannot be read.
RunOutlook look_at_run(const Recipe& recipe, const RunInputs* inputs, const RunChoice& choice,
                       FileHashes& hashes);

}  // namespace ropeway
