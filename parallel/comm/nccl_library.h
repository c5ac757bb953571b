// The calls of nccl_api.h by the NCCL of this machine.
#pragma once

#include "parallel/comm/nccl_api.h"

namespace ropeway {

// The NCCL that libtorch's CUDA half brought into the process or, before that is loaded, the one the loader
// finds. Loaded at the first call. Throws kLauncher with the reason when there is none.
NcclApi& nccl_library();

}  // namespace ropeway
