// The watch over the ranks of a run (parallel/board): its board is RUN/board, a file per rank that `cat` shows.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "parallel/comm/communicator.h"

namespace ropeway {

class HangWatch;

struct WatchCallbacks {
  std::string host;                                           // of this rank
  std::function<void(const std::string& message)> tell = {};  // null: nothing is watched
  std::function<void()> end_job = {};
  std::function<bool()> is_stopping = {};
};

// Collective. Throws kLauncher naming the rank and its host where a rank does not see rank 0's run directory.
// Null: nothing is to be watched.
std::unique_ptr<HangWatch> watch_ranks(const std::filesystem::path& run_dir, Communicator& world,
                                       double hang_seconds, const WatchCallbacks& callbacks);

}  // namespace ropeway
