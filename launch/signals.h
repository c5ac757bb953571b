// Requests to stop. SIGINT, SIGTERM and SIGUSR1 (mpirun forwards the last to every rank) ask for it: they are
// blocked in this and all threads begun later, but for one that waits for them. A second SIGINT or SIGTERM ends
// the process at once with 130 or 143, as a kill would: whatever is on disk is whole. SIGPIPE and SIGXFSZ are
// ignored: a closed terminal or a limit on the size of files is an error of the write.
#pragma once

namespace ropeway {

// First thing in main, before MPI: until then the signals kill the process.
void prepare_signals();

// By default there is nothing to save: the first request ends the process at once with 75. From here on it is only
// noted, for whoever asks stop_requested().
void note_requests();

bool stop_requested();      // of this process
const char* stop_signal();  // "SIGTERM": the first one; "": none

// Ends the process with 75 and a message; ranks other than 0 only if rank 0 does not end the job before.
[[noreturn]] void end_stopped();

}  // namespace ropeway
