// The links of a ring over NCCL, in device memory. Nothing here holds the host up but the making of the links.
#pragma once

#include "parallel/comm/nccl_session.h"
#include "parallel/comm/ring_link.h"

namespace ropeway {

// Collective over `group`: a communicator and a side stream for keys and another for gradients, with the
// connections to both neighbours made. The session must outlive the links.
//
// Two communicators of NCCL at once are safe only when all ranks queue to them in the same order: the ring and
// the training step do.
RingLinks nccl_ring_links(NcclSession& session, Communicator& group, const CurrentStream& current_stream);

}  // namespace ropeway
