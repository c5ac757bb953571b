// Mapped files (weights, token caches) that become shorter while they are read, or whose disk fails.
#pragma once

namespace ropeway {

// From now on such a read ends the process with kIo's exit code and a line that names file and offset; the
// launcher ends the other ranks. Going on would mean to compute with what is not there, and every thread of
// every library may be the one that reads. After MPI_Init: MPI sets a handler of its own there.
void end_on_mapping_faults();

}  // namespace ropeway
