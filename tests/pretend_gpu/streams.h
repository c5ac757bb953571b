// Streams and events of the pretend GPU. Work is done as it is queued, so they are names that are watched:
// which exist, what was recorded, and where the host waits.
#pragma once

#include <driver_types.h>

namespace ropeway::pretend {

void expect_stream(const char* call, cudaStream_t stream);

}  // namespace ropeway::pretend
