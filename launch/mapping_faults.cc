#include "launch/mapping_faults.h"

#include <signal.h>
#include <unistd.h>

#include <vector>

#include "kernels/base/error.h"
#include "launch/crash_report.h"
#include "launch/signal_line.h"
#include "trainer/files/mapped_ranges.h"

namespace ropeway {
namespace {

void on_bus_error(int, siginfo_t* info, void* context) {
  const MappedPlace place = mapped_place_of(info->si_addr);
  if (place.path == nullptr) {
    // Not ours: the instruction faults again and the process ends as it would have.
    report_crash(SIGBUS, info->si_addr, context);
    ::signal(SIGBUS, SIG_DFL);
    return;
  }
  SignalLine line;
  line.add("ropeway: ");
  line.add(place.path);
  line.add(": byte ");
  line.add_number(place.offset);
  line.add(" cannot be read any more: the file became shorter while it was in use, or its disk failed\n");
  line.print();
  ::_exit(static_cast<int>(ErrorKind::kIo));
}

}  // namespace

void end_on_mapping_faults() {
  // The main thread's stack may be what is used up; other threads handle the signal on their own.
  static std::vector<char> stack(64 << 10);
  stack_t alternative = {};
  alternative.ss_sp = stack.data();
  alternative.ss_size = stack.size();
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace ropeway
