#include "parallel/board/process_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parallel/board/rank_board.h"

namespace ropeway {

ProcessWatch::ProcessWatch() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

ProcessWatch::~ProcessWatch() {
  for (const auto& [key, descriptor] : descriptors_) {
    if (descriptor >= 0) ::close(descriptor);
  }
  if (wake_ >= 0) ::close(wake_);
}

bool ProcessWatch::add(int key, pid_t process, int64_t start) {
  int& descriptor = descriptors_.emplace(key, -1).first->second;
  const auto opened = static_cast<int>(::syscall(SYS_pidfd_open, process, 0U));
  if (opened < 0) return false;
  if (start_of_process(process) != start) {
    ::close(opened);
    return false;
  }
  descriptor = opened;
  return true;
}

std::vector<int> ProcessWatch::wait(double seconds) {
  std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
  std::vector<int> keys = {-1};
  for (const auto& [key, descriptor] : descriptors_) {
    if (descriptor < 0) continue;
    polled.push_back({descriptor, POLLIN, 0});
    keys.push_back(key);
  }
  std::vector<int> ended;
  if (::poll(polled.data(), polled.size(), static_cast<int>(seconds * 1000)) <= 0) return ended;
  for (size_t i = 1; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    ended.push_back(keys[i]);
    ::close(descriptors_[keys[i]]);
    descriptors_[keys[i]] = -1;
  }
  return ended;
}

void ProcessWatch::wake() const {
  const uint64_t one = 1;
  const ssize_t written = ::write(wake_, &one, sizeof one);
  static_cast<void>(written);
}

std::vector<int> ProcessWatch::alive() const {
  std::vector<int> keys;
  for (const auto& [key, descriptor] : descriptors_) {
    if (descriptor >= 0) keys.push_back(key);
  }
  return keys;
}

}  // namespace ropeway
