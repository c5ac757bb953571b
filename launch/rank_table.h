// Who is in the job: said once when a run begins, with a warning where its ranks have more threads than cores.
#pragma once

#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "parallel/comm/core_share.h"

namespace ropeway {

// What a rank brings.
struct RankSeat {
  std::string host;
  CoreSet cores;             // that it may run on
  int threads = 1;           // of its matrix products
  int cores_of_host = 0;     // that its job may use there, however the launcher bound it
  int64_t memory_bytes = 0;  // of the host, available to this process (its control group may have a limit)
  std::string gpu = "";      // "0: NVIDIA H100"; "": none is used
};
RankSeat own_seat(const std::string& host, const std::string& gpu);

// "0-3,8"
std::string words_for(const CoreSet& cores);
// A line per rank: rank, host, cores or GPU, threads, memory, and its place in the mesh of data times `sequence`.
std::string rank_table(const std::vector<RankSeat>& seats, int sequence);
// A line per host where the ranks' threads outnumber the cores they may run on, or where they are bound to less
// than half of the cores there are, with what mends it. Empty: all is well.
std::vector<std::string> seat_warnings(const std::vector<RankSeat>& seats);

// Collective: every rank's, in rank order, on every rank.
std::vector<RankSeat> all_seats(Communicator& world, const RankSeat& own);
// Collective. Rank 0 says both.
void tell_of_ranks(Communicator& world, const RankSeat& own, int sequence);

}  // namespace ropeway
