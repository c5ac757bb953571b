// ropeway VERB [arguments]: finds the verb, gives it the ranks of the job when it needs them, and is the one
// place that turns an error into a message and an exit code.
#include <cstdlib>
#include <iostream>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/ops/matmul.h"
#include "launch/exit_status.h"
#include "launch/mapping_faults.h"
#include "launch/rank_from_launcher.h"
#include "launch/signals.h"
#include "launch/standard_streams.h"
#include "launch/stopping.h"
#include "launch/thread_count.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {
namespace {

int run_locally(const Verb& verb, const Arguments& arguments) {
  const bool prints = rank_from_launcher() == 0;
  end_on_mapping_faults();
  try {
    verb.local(arguments, prints);
    finish_standard_output();
    return 0;
  } catch (...) {
    const Outcome outcome = outcome_of(std::current_exception());
    if (prints) print_error(outcome);
    return outcome.code;
  }
}

int run_collectively(const Verb& verb, const Arguments& arguments) {
  MpiSession session;
  end_on_mapping_faults();
  Communicator& world = session.world();
  set_log_rank(world.rank());
  choose_thread_count(world);
  const auto ending = world.split(0, world.rank());
  const Stopping stopping(world);
  Outcome outcome;
  try {
    ops::require_matmul();
    verb.collective(arguments, session);
    finish_standard_output();
  } catch (...) {
    outcome = outcome_of(std::current_exception());
  }
  stopping.agreement().closing();
  return agree_on_exit({*ending, [&](double seconds) { return session.all_arrive(seconds); }}, outcome);
}

int run_main(const Arguments& arguments) {
  const bool prints = rank_from_launcher() == 0;
  try {
    if (arguments.empty()) fail(ErrorKind::kUsage, "no verb given\n{}", overview());
    if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
      if (prints) std::cout << overview();
      finish_standard_output();
      return 0;
    }
    const Arguments rest(arguments.begin() + 1, arguments.end());
    const Verb& verb = find_verb(arguments[0] == "--version" ? "version" : arguments[0]);
    return verb.collective != nullptr ? run_collectively(verb, rest) : run_locally(verb, rest);
  } catch (...) {
    const Outcome outcome = outcome_of(std::current_exception());
    if (prints) print_error(outcome);
    return outcome.code;
  }
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  ropeway::open_closed_streams();
  ropeway::show_only_printable_output();
  ropeway::prepare_signals();
  return ropeway::run_main({argv + 1, argv + argc});
}
