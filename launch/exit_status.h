// How a verb ended, and how all ranks end with the same exit code and one message.
#pragma once

#include <exception>
#include <string>

#include "parallel/comm/communicator.h"

namespace ropeway {

struct Outcome {
  int code = 0;         // an ErrorKind, or 0
  std::string message;  // of an error
};

// The Error, or any other exception as kInternal with its text.
Outcome outcome_of(std::exception_ptr error);

// One message on stderr, each of its lines behind "ropeway: ".
void print_error(const std::string& message);

// Collective over `ending`, a group used for nothing else: every rank brings its outcome, and all return the same code: that
// of the lowest rank that failed by itself, whose message is printed there and only there. When a rank failed and another
// does not come here within `patience_seconds` (it waits for the failed one in some other call), the failed rank prints and
// ends the whole job.
int agree_on_exit(Communicator& ending, const Outcome& outcome, double patience_seconds = 3);

}  // namespace ropeway
