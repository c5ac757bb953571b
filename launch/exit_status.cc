#include "launch/exit_status.h"

#include <iostream>
#include <limits>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/log_output.h"
#include "kernels/base/printable.h"
#include "launch/ways_out.h"
#include "parallel/board/position.h"

namespace ropeway {
namespace {

// -1: no rank failed. A rank that only noticed the failure of another (kPeer) counts when there is no better
// one.
int lowest_rank_with_own_failure(const std::vector<int>& codes) {
  const int peer = static_cast<int>(ErrorKind::kPeer);
  int failed = -1;
  for (size_t rank = 0; rank < codes.size(); ++rank) {
    if (codes[rank] != 0 && codes[rank] != peer) return static_cast<int>(rank);
    if (codes[rank] != 0 && failed < 0) failed = static_cast<int>(rank);
  }
  return failed;
}

// Of a rank that failed by itself in the middle of a stage.
void print_failure(const Outcome& outcome, const ExitMeeting& meeting) {
  const int rank = meeting.ending.rank();
  print_error(outcome, fmt::format("rank {}: ", rank));
  const std::string where = Position::here().failed_in();
  if (where.empty()) return;
  print_error({outcome.code, fmt::format("rank {} on {} failed in {}: exit code {}", rank, meeting.host,
                                         where, outcome.code)});
}

}  // namespace

Outcome outcome_of(const std::exception_ptr& error) {
  return {static_cast<int>(failure_of(error).kind), message_of(error)};
}

void print_error(const Outcome& outcome, const std::string& who) {
  // The errors of a recipe keep their form, file:line:column first, which editors follow.
  const bool as_it_is = outcome.code == static_cast<int>(ErrorKind::kConfig) && who.empty();
  // In one piece, so that lines of several processes do not mix.
  std::cerr << fmt::format("{}{}{}\n", as_it_is ? "" : "ropeway: ", who, printable(outcome.message))
            << std::flush;
  write_to_log_file(LogLevel::kWarning, who + printable(outcome.message));
}

int agree_on_exit(const ExitMeeting& meeting, const Outcome& outcome) {
  Communicator& ending = meeting.ending;
  const double patience =
      outcome.code == 0 ? std::numeric_limits<double>::infinity() : meeting.patience_seconds;
  if (!meeting.all_arrive(patience)) {
    print_failure(outcome, meeting);
    ending.abort(outcome.code);
  }
  std::vector<int> codes(static_cast<size_t>(ending.size()));
  ending.all_gather(&outcome.code, codes.data(), sizeof outcome.code);
  const int failed = lowest_rank_with_own_failure(codes);
  if (failed < 0) return 0;
  const int code = codes[static_cast<size_t>(failed)];
  if (failed == ending.rank()) {
    const bool all_alike = codes == std::vector<int>(codes.size(), code);
    if (all_alike) {
      print_error(outcome);
    } else {
      print_failure(outcome, meeting);
    }
  }
  return code;
}

}  // namespace ropeway
