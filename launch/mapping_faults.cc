#include "launch/mapping_faults.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/mapped_ranges.h"

namespace ropeway {
namespace {

// What a handler may do is little: no allocation, no fmt. The line is written in one piece.
class Line {
 public:
  void add(const char* text) { add(text, std::strlen(text)); }
  void add_number(size_t value) {
    char digits[20];
    char* begin = std::end(digits);
    do {
      *--begin = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    add(begin, static_cast<size_t>(std::end(digits) - begin));
  }
  void print() const {
    const ssize_t written = ::write(STDERR_FILENO, text_, bytes_);
    static_cast<void>(written);
  }

 private:
  void add(const char* text, size_t bytes) {
    if (bytes > sizeof text_ - bytes_) bytes = sizeof text_ - bytes_;
    std::memcpy(text_ + bytes_, text, bytes);
    bytes_ += bytes;
  }

  char text_[4096 + 256];  // the longest path, and words
  size_t bytes_ = 0;
};

void on_bus_error(int, siginfo_t* info, void*) {
  const MappedPlace place = mapped_place_of(info->si_addr);
  if (place.path == nullptr) {
    // Not ours: the instruction faults again and the process ends as it would have.
    ::signal(SIGBUS, SIG_DFL);
    return;
  }
  Line line;
  line.add("ropeway: ");
  line.add(place.path);
  line.add(": byte ");
  line.add_number(place.offset);
  line.add(" cannot be read any more: the file became shorter while it was in use, or its disk failed\n");
  line.print();
  ::_exit(static_cast<int>(ErrorKind::kIo));
}

}  // namespace

void end_on_mapping_faults() {
  // The main thread's stack may be what is used up; other threads handle the signal on their own.
  static std::vector<char> stack(64 << 10);
  stack_t alternative = {};
  alternative.ss_sp = stack.data();
  alternative.ss_size = stack.size();
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace ropeway
