// What the ranks of a job tell each other about themselves: a small text file per rank in one folder, written
// again and again by its rank and read by the others and by people (`cat RUN/board/rank-3`). Files, because
// they need no progress of MPI and reach every host that shares the run directory.
//
//   rank 3                     host node2                  process 4711 123456   its id, and when it started
//   beat 17                    counts up with every write
//   phase training             stage tune                  step 12               first_step 0
//   pass 3 2 30 1 4            phase (PassPhase), block and blocks, ring step and ring steps
//   waits_in all_reduce        here 0.012                  waiting 3.4           seconds
//   .                          the entry is whole
//   end signal 11              written last, if at all: how the rank ended
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "parallel/board/position.h"

namespace ropeway {

struct BoardEntry {
  int rank = 0;
  std::string host = {};
  pid_t process = 0;
  int64_t process_start = 0;  // in clock ticks after the host's boot: tells a process from a later one
  int64_t beat = 0;
  std::string stage = {}, waits_in = {};  // what `place` points to
  Place place = {};
  std::string end = {};  // "": at work. "0": left in good order. "signal 11", "exit 3"
};
std::string to_text(const BoardEntry& entry);
std::optional<BoardEntry> board_entry_from(const std::string& text);

class RankBoard {
 public:
  // Removes what an earlier job left of this rank. Throws nothing: a folder that cannot be written to leaves
  // the board without this rank, which the others then do not watch.
  RankBoard(std::filesystem::path folder, int rank);
  ~RankBoard();
  RankBoard(const RankBoard&) = delete;
  RankBoard& operator=(const RankBoard&) = delete;

  void write(const BoardEntry& entry);
  std::optional<BoardEntry> read(int rank) const;  // nullopt: none that is whole
  // How this rank ended: "0", "signal 11". Safe in a signal handler.
  void write_end(const char* text) const;

 private:
  void take_away();

  const std::filesystem::path folder_, file_;
  int fd_ = -1;
};

int64_t start_of_process(pid_t process);  // 0: there is none

}  // namespace ropeway
