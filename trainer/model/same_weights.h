// That all ranks hold the same weights.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

class ParameterStore;

// Collective. Compares fingerprints of all weights, which costs one pass over them; throws `kind` with the ranks
// and both values where they differ: "<when>: the ranks hold different weights: ...". One rank alone: nothing.
void require_same_weights(Communicator& world, ParameterStore& parameters, ErrorKind kind,
                          const std::string& when);

}  // namespace ropeway
