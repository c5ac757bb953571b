// Collectives over NCCL, in device memory. Nothing here holds the host up but the joining.
//
// Two communicators of NCCL at once are safe only when all ranks queue to them in the same order: the ring and
// the training step do.
#pragma once

#include <memory>

#include "parallel/comm/collectives.h"
#include "parallel/comm/nccl_session.h"

namespace ropeway {

// Collective over `group`, whose ranks it has. The session must outlive it.
std::shared_ptr<Collectives> nccl_collectives(NcclSession& session, Communicator& group,
                                              CurrentStream current_stream);

namespace internal {

// The same over a communicator that has been joined already.
std::shared_ptr<Collectives> collectives_over(std::shared_ptr<NcclChannel> channel,
                                              CurrentStream current_stream);

}  // namespace internal

}  // namespace ropeway
