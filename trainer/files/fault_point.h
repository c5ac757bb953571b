// Fault injection: named places at which tests end the process, as kill -9 would, to prove what a resume
// finds.
//   ROPEWAY_FAULT_POINT=checkpoint.manifest_written   the process ends there with exit code 137
//   ROPEWAY_FAULT_RANK=1                              only on this rank; default: on every rank that comes by
//   ROPEWAY_FAULT_SKIP=2                              pass the point this many times first
//   ROPEWAY_FAULT_SIGNAL=19                           this signal instead, once: SIGSTOP, SIGSEGV
// Without the first variable a call costs one getenv.
#pragma once

namespace ropeway {

void fault_point(const char* name, int rank = 0);

}  // namespace ropeway
