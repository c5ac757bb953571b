// ropeway VERB [arguments]: finds the verb, gives it the ranks of the job when it needs them, and is the one
// place that turns an error into a message and an exit code.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "kernels/base/error.h"
#include "kernels/base/host_name.h"
#include "kernels/base/log.h"
#include "kernels/ops/matmul.h"
#include "launch/crash_report.h"
#include "launch/exit_status.h"
#include "launch/mapping_faults.h"
#include "launch/program_agreement.h"
#include "launch/rank_from_launcher.h"
#include "launch/signals.h"
#include "launch/standard_streams.h"
#include "launch/stopping.h"
#include "launch/thread_count.h"
#include "launch/verbs.h"
#include "parallel/board/position.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {
namespace {

int32_t code_of(const std::function<void()>& work) {
  try {
    work();
    finish_standard_output();
    return 0;
  } catch (...) {
    const Outcome outcome = outcome_of(std::current_exception());
    print_error(outcome);
    return outcome.code;
  }
}

// What needs no ranks: rank 0 alone does it, and all end with its code once it has said what it has to say. Without a
// launcher there is one process, and MPI is not started.
int run_alone(const std::function<void()>& work) {
  end_on_mapping_faults();
  if (!started_by_launcher()) return code_of(work);
  MpiSession session;
  end_on_mapping_faults();  // MPI may have handlers of its own
  int32_t code = session.world().rank() == 0 ? code_of(work) : 0;
  session.world().broadcast(&code, sizeof code, 0);
  return code;
}

int run_collectively(const Verb& verb, const Arguments& arguments) {
  MpiSession session;
  end_on_mapping_faults();
  Communicator& world = session.world();
  set_log_rank(world.rank());
  Position::here().adopt();
  choose_thread_count(world);
  const auto ending = world.split(0, world.rank());
  const Stopping stopping(world);
  Outcome outcome;
  try {
    require_same_program(world);
    ops::require_matmul();
    verb.collective(arguments, session);
    finish_standard_output();
  } catch (...) {
    outcome = outcome_of(std::current_exception());
  }
  stopping.agreement().closing();
  return agree_on_exit({.ending = *ending,
                        .all_arrive = [&](double seconds) { return session.all_arrive(seconds); },
                        .host = session.host_name()},
                       outcome);
}

bool wants_overview(const Arguments& arguments) {
  return !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
}

// Null: there is no such verb, and run_alone() says so.
const Verb* collective_verb(const Arguments& arguments) {
  for (const Verb& verb : verbs()) {
    if (!arguments.empty() && arguments[0] == verb.name && verb.collective != nullptr) return &verb;
  }
  return nullptr;
}

void run_local_verb(const Arguments& arguments) {
  if (arguments.empty()) fail(ErrorKind::kUsage, "no verb given\n{}", overview());
  if (wants_overview(arguments)) {
    std::cout << overview();
    return;
  }
  const Verb& verb = find_verb(arguments[0] == "--version" ? "version" : arguments[0]);
  verb.local({arguments.begin() + 1, arguments.end()}, true);
}

int run_main(const Arguments& arguments) {
  try {
    if (const Verb* const verb = collective_verb(arguments)) {
      return run_collectively(*verb, {arguments.begin() + 1, arguments.end()});
    }
    return run_alone([&] { run_local_verb(arguments); });
  } catch (...) {
    const Outcome outcome = outcome_of(std::current_exception());
    if (rank_from_launcher() == 0) print_error(outcome);
    return outcome.code;
  }
}

// First of all, while nothing else is there that could be spoilt.
void prepare_process() {
  open_closed_streams();
  show_only_printable_output();
  prepare_crash_reports(rank_from_launcher(), host_name());
  prepare_signals();
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  ropeway::prepare_process();
  return ropeway::run_main({argv + 1, argv + argc});
}
