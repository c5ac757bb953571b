// The watch over ranks that hang, stop or die: a thread in every rank that publishes where its rank is
// (rank_board.h) and looks at the others'.
//
//   silence     a rank whose thread publishes nothing for `hang_seconds` is stopped (SIGSTOP, a frozen host, a
//               dead network): its nearest predecessor that lives says so
//   wait        a rank waits longer than it may (hang_verdict.h), and no rank that works has got on meanwhile
//   end         the process of a rank of the same host is gone, and it did not leave in good order
//
// The one that notices tells who is where and since when, and ends the job. A rank that itself stood still (it
// was stopped and continued) says so and gives the others their full time again. Neither MPI nor the work of the
// rank is needed for any of it; the clocks of hosts are not compared.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <thread>

#include "kernels/base/exception_watch.h"
#include "parallel/board/hang_verdict.h"
#include "parallel/board/process_watch.h"

namespace ropeway {

struct WatchOptions {
  std::filesystem::path folder;  // the board's, shared by all hosts
  int rank = 0, size = 1;
  std::string host;
  double hang_seconds = 1800;
  // Called by the watching thread. tell: one message to the user. end_job: after it; does not return.
  std::function<void(const std::string& message)> tell;
  std::function<void()> end_job;
  // Whether the job is being stopped: ranks that end then are not told of. Empty: it is not.
  std::function<bool()> is_stopping = {};
  double grace_seconds = 5;  // for the launcher to end the job after a rank has died
};

class HangWatch {
 public:
  // Watches the thread that makes it. The folder must be there, and files of an earlier job be gone, before any
  // rank makes one: RankBoard first, then a barrier.
  HangWatch(std::shared_ptr<RankBoard> board, WatchOptions options);
  ~HangWatch();  // in good order, unless an exception passes
  HangWatch(const HangWatch&) = delete;
  HangWatch& operator=(const HangWatch&) = delete;

  // How this rank ends when it does not come to the destructor. Safe in a signal handler. Nothing without a
  // watch in this process.
  static void write_end_of_process(const char* text);

 private:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    int64_t beat = -1;
    Clock::time_point at;  // when it last changed, or was first seen
    std::optional<BoardEntry> entry;
  };

  void run();
  void stood_still(double seconds);
  void publish();
  void look_at_neighbours();
  void look_at_own_wait();
  void rank_ended(int rank);
  bool first_to_see(int rank) const;
  bool wait_or_stop(double seconds);
  void end_with(const Verdict& verdict);
  std::vector<std::optional<BoardEntry>> read_all() const;

  const std::shared_ptr<RankBoard> board_;
  const WatchOptions options_;
  const Position& position_;
  const double period_;
  BoardEntry own_;
  Clock::time_point pass_moved_at_ = Clock::now(), resumed_at_{};
  std::map<int, Seen> neighbours_;
  ProcessWatch processes_;
  const ExceptionWatch exceptions_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace ropeway
