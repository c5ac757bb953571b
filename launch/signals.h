// Requests to stop. SIGUSR1 (mpirun forwards it to every rank) asks the run to save and stop: it is blocked,
// in this and all threads begun later, and waits until a stage asks stop_requested(). SIGPIPE is ignored: a
// closed terminal must not end a run.
#pragma once

namespace ropeway {

void prepare_signals();  // first thing in main, before MPI: until then SIGUSR1 kills the process
bool stop_requested();

}  // namespace ropeway
