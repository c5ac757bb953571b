// Collectives of a single rank in device memory: every verb is a copy on the current stream, or nothing.
#pragma once

#include <memory>

#include "parallel/comm/collectives.h"
#include "parallel/comm/device_queues.h"

namespace ropeway {

// The device must outlive it.
std::shared_ptr<Collectives> make_device_of_one(DeviceQueues& device, CurrentStream current_stream);

}  // namespace ropeway
