// How a verb ended, and how all ranks end with the same exit code and one message.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "parallel/comm/communicator.h"

namespace ropeway {

struct Outcome {
  int code = 0;         // an ErrorKind, or 0
  std::string message;  // of an error
};

Outcome outcome_of(const std::exception_ptr& error);

// One message on stderr. `who`: "rank 3: " when not all ranks say the same, else "".
void print_error(const Outcome& outcome, const std::string& who = "");

// Collective: every rank brings its outcome, and all return the same code: that of the lowest rank that
// failed by itself, whose message is printed there and only there. When a rank failed and another does not
// come here within `patience_seconds` (it waits for the failed one in some collective call), the failed rank
// prints and ends the job.
//   ending      a group of all ranks, used for nothing else: calls left behind on others cannot meet it
//   all_arrive  true once every rank has called it, false after that many seconds (MpiSession::all_arrive)
//   host        of this rank: where a rank failed alone, a last line names it with the phase and step
struct ExitMeeting {
  Communicator& ending;
  std::function<bool(double seconds)> all_arrive;
  double patience_seconds = 3;
  std::string host = {};
};
int agree_on_exit(const ExitMeeting& meeting, const Outcome& outcome);

}  // namespace ropeway
