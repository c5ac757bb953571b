// Refusals of a run whose ways out are options of the command line: launch/ways_out.cc words them.
#pragma once

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

}  // namespace ropeway
