// Ends of a run whose ways out are options of the command line: launch/ways_out.cc words them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/error.h"

namespace ropeway {

// Finished or half done stages are no longer as they are wanted.
class ChangedRun : public Error {
 public:
  explicit ChangedRun(const std::string& message) : Error(ErrorKind::kCannotCreate, message) {}
};

// A stage was asked for that starts from what is not there.
class InputsNotMade : public Error {
 public:
  explicit InputsNotMade(const std::string& message) : Error(ErrorKind::kMissingInput, message) {}
};

// Numbers of a training stage are not finite any more; there are checkpoints from before.
class TrainingFailed : public Error {
 public:
  TrainingFailed(const std::string& message, std::string stage, std::vector<int64_t> steps)
      : Error(ErrorKind::kNumerics, message), stage_(std::move(stage)), steps_(std::move(steps)) {}
  const std::string& stage() const { return stage_; }
  const std::vector<int64_t>& steps() const { return steps_; }  // of the checkpoints, ascending

 private:
  std::string stage_;
  std::vector<int64_t> steps_;
};

}  // namespace ropeway
