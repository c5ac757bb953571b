// Waits for the end of other processes of this host that are no children of this one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

namespace ropeway {

class ProcessWatch {
 public:
  ProcessWatch();  // without a way to interrupt (wake) where the kernel has no descriptors left
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  // `start`: start_of_process; a process of this id that started at another time is another one and is not
  // watched. False where it cannot be watched (an old kernel, another name space of processes).
  bool add(int key, pid_t process, int64_t start);
  bool knows(int key) const { return descriptors_.contains(key); }
  // The keys of processes that have ended; each is told once. Returns after `seconds` at the latest, and at
  // once after wake(), which another thread may call.
  std::vector<int> wait(double seconds);
  void wake() const;
  // Those that have not ended.
  std::vector<int> alive() const;

 private:
  int wake_ = -1;
  std::map<int, int> descriptors_;  // key -> pidfd; -1: has ended, or cannot be watched
};

}  // namespace ropeway
