#include "launch/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <streambuf>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/printable.h"

namespace ropeway {

void open_closed_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    const int opened = ::open("/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    if (opened >= 0 && opened != number) {  // not with the lower ones open
      ::dup2(opened, number);
      ::close(opened);
    }
  }
}

namespace {

// Hands whole lines on.
class PrintableBuffer : public std::streambuf {
 public:
  explicit PrintableBuffer(std::streambuf& to) : to_(to) {}

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    line_ += traits_type::to_char_type(c);
    return c == '\n' && sync() != 0 ? traits_type::eof() : c;
  }
  int sync() override {
    const std::string shown = printable(line_);
    line_.clear();
    const auto size = static_cast<std::streamsize>(shown.size());
    return to_.sputn(shown.data(), size) == size && to_.pubsync() == 0 ? 0 : -1;
  }

 private:
  std::streambuf& to_;
  std::string line_;
};

// Who reads from the pipe has read enough: head, say.
bool reader_is_gone() {
  pollfd output = {STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

}  // namespace

void show_only_printable_output() {
  if (::isatty(STDOUT_FILENO) != 1) return;
  // Never destroyed: std::cout is flushed once more when everything else is gone.
  static auto* const buffer = new PrintableBuffer(*std::cout.rdbuf());
  std::cout.rdbuf(buffer);
}

void finish_standard_output() {
  errno = 0;
  std::cout.flush();
  const bool lost = !std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!lost) return;
  const int error = errno != 0 ? errno : EIO;  // of the last write, which failed like those before
  std::cout.clear();
  std::clearerr(stdout);
  if (error == EPIPE || reader_is_gone()) return;
  fail(ErrorKind::kIo, "standard output: writing failed: {}", std::strerror(error));
}

}  // namespace ropeway
