// A ring of P ranks on one GPU: the ranks are threads of this process, a hop is a copy within the device's
// memory on a side stream, ordered by events as NCCL's hops are. It measures what the ring costs without its
// wires, and tests it at every P, on a machine with one GPU.
#pragma once

#include "parallel/comm/device_queues.h"
#include "parallel/comm/ring_link.h"

namespace ropeway {

// Collective over `group`, which must be one of threads (run_thread_world): addresses and events are handed
// from rank to rank over it. The device must outlive the links. wait() holds the host up until its neighbours
// have called it too; the device is not held up.
RingLinks emulated_ring_links(Communicator& group, DeviceQueues& device, const CurrentStream& current_stream);

}  // namespace ropeway
