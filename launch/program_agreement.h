// All ranks run the same program in the same setting, or the job ends before it begins.
#pragma once

#include "parallel/comm/communicator.h"

namespace ropeway {

// Collective. Throws kLauncher naming ranks and both values where they differ in the program's version and commit,
// in its libraries, or in a variable of the environment that changes results or the way ranks talk (NCCL_*,
// MKL_*, ONEDNN_*, ...; not those that name a host's own network cards). Another build of the same commit is
// warned of.
void require_same_program(Communicator& world);

}  // namespace ropeway
