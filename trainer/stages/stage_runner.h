// Runs the stages of an opened run in order: finished ones are taken over, the one in flight is resumed.
#pragma once

#include <string>

namespace ropeway {

class RunState;

// Collective. Returns the closing table (rank 0; "" elsewhere).
std::string run_stages(RunState& run);

}  // namespace ropeway
