#include "trainer/stages/run_watch.h"

#include <chrono>
#include <random>
#include <thread>

#include "kernels/base/error.h"
#include "parallel/board/hang_watch.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A network file system may show a new file late.
constexpr int kLooks = 50;
constexpr std::chrono::milliseconds kBetweenLooks(100);

// Rank 0's mark in the folder, which all must find there.
void require_shared_folder(const fs::path& folder, Communicator& world, const std::string& host) {
  const fs::path file = folder / "job";
  std::string mark;
  run_on_rank(world, 0, [&] {
    mark = fmt::format("{:08x}\n", std::random_device{}());
    write_file_atomically(file, mark);
  });
  mark = broadcast_string(world, mark);
  run_on_all_ranks(world, [&] {
    for (int look = 0; look < kLooks; ++look) {
      std::error_code ignored;
      if (fs::exists(file, ignored) && read_text_file(file) == mark) return;
      std::this_thread::sleep_for(kBetweenLooks);
    }
    fail(ErrorKind::kLauncher,
         "rank {} on {} does not see what rank 0 wrote to {}: the run directory must be shared", world.rank(),
         host, folder.string());
  });
}

}  // namespace

std::unique_ptr<HangWatch> watch_ranks(const fs::path& run_dir, Communicator& world, double hang_seconds,
                                       const WatchCallbacks& callbacks) {
  if (!callbacks.tell) return nullptr;
  const fs::path folder = run_dir / "board";
  run_on_rank(world, 0, [&] {
    fs::remove_all(folder);
    fs::create_directory(folder);
  });
  require_shared_folder(folder, world, callbacks.host);
  const auto board = std::make_shared<RankBoard>(folder, world.rank());
  world.barrier();
  return std::make_unique<HangWatch>(board, WatchOptions{.folder = folder,
                                                         .rank = world.rank(),
                                                         .size = world.size(),
                                                         .host = callbacks.host,
                                                         .hang_seconds = hang_seconds,
                                                         .tell = callbacks.tell,
                                                         .end_job = callbacks.end_job,
                                                         .is_stopping = callbacks.is_stopping});
}

}  // namespace ropeway
