// What the ranks of a job are to each other: their clocks, and how fast data moves between them in the two
// ways that a step uses. Data is checked too: what arrives must be what was sent.
#pragma once

#include <string>
#include <vector>

#include "launch/doctor_fault.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

class CudaJob;

// How far a rank's clock (of the calendar) is ahead of rank 0's.
struct ClockOffset {
  double seconds = 0;
  double error = 0;  // half of the fastest round trip: the offset lies within that
};
// Collective; the list, by rank, is rank 0's.
std::vector<ClockOffset> clock_offsets(Communicator& world);

struct LinkSpeed {
  double bytes = 0, seconds = 0;
  double gigabytes_per_second = 0;  // sent by a rank, and received by it at the same time
  int slowest_rank = 0;
};
struct LinkCheck {
  LinkSpeed all_reduce, hop;
  double hop_latency = 0;                    // seconds of an empty hop
  double step_seconds = 0, step_waited = 0;  // attention beside a hop, all ring steps; of the slowest rank
  int64_t step_tokens = 0, step_heads = 0;   // per rank
  DoctorFaults faults;
};
// Collective, of two ranks or more. gpus: null where the data lies in host memory. Each speed is the best of
// several tries.
LinkCheck check_links(Communicator& world, CudaJob* gpus);

}  // namespace ropeway
