// Requests to stop. SIGUSR1 (mpirun forwards it to every rank) asks the run to save and stop: the handler
// only sets a flag, which the stages poll through stop_requested(). SIGPIPE is ignored: a closed terminal
// must not end a run.
#pragma once

namespace ropeway {

void install_signal_handlers();  // first thing in main, before MPI: until then SIGUSR1 kills the process
bool stop_requested();

}  // namespace ropeway
