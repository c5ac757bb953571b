// Who is to blame when a rank waits for too long: judged from what all ranks have published.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parallel/board/rank_board.h"

namespace ropeway {

struct Verdict {
  std::vector<int> ranks;  // to blame; empty: all wait for each other
  std::string message;     // who, where, and since when; then a line for every rank
};

// How long a rank may wait, or stay where it is, given the limit for ordinary steps: the first step of a phase
// takes twice as long (memory is allocated, connections are made), loading and saving four times (one rank
// works with the disk and the others wait).
double limit_at(const Place& place, double hang_seconds);

// The case of a rank that waits: nullopt while its wait is within its limit, or while another rank has got on
// within its own. all[r]: what rank r published; nullopt: nothing that can be read.
std::optional<Verdict> judge_wait(const BoardEntry& own, const std::vector<std::optional<BoardEntry>>& all,
                                  double hang_seconds);
// The case of a rank that has published nothing for `seconds`.
Verdict judge_silence(const BoardEntry& silent, double seconds,
                      const std::vector<std::optional<BoardEntry>>& all);
// The case of a rank whose process is gone.
Verdict judge_end(const BoardEntry& gone);

// "rank 1 on node2"
std::string name_of(const BoardEntry& entry);

}  // namespace ropeway
