// What a run took, by the report it left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ropeway {

struct MeasuredStage {
  double seconds = 0;
  int64_t memory = 0;  // bytes of a rank, by the counts of its parts; 0: not measured
};
struct MeasuredRun {
  std::map<std::string, MeasuredStage> stages;
  int ranks = 0;
};
// Throws kMissingInput without a report.json, kBadData for one that is none.
MeasuredRun measured_run(const std::filesystem::path& run_dir);

}  // namespace ropeway
