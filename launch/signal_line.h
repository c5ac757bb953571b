// A line that a signal handler puts together and prints: no allocation, no fmt, one write.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace ropeway {

class SignalLine {
 public:
  void add(const char* text) { add(text, std::strlen(text)); }
  void add(const char* text, size_t bytes) {
    if (bytes > sizeof text_ - bytes_) bytes = sizeof text_ - bytes_;
    std::memcpy(text_ + bytes_, text, bytes);
    bytes_ += bytes;
  }
  void add_number(uint64_t value, unsigned base = 10) {
    char digits[20];
    char* begin = std::end(digits);
    do {
      *--begin = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    add(begin, static_cast<size_t>(std::end(digits) - begin));
  }
  void print() const {
    const ssize_t written = ::write(STDERR_FILENO, text_, bytes_);
    static_cast<void>(written);
  }

 private:
  char text_[4096 + 256];  // the longest path, and words
  size_t bytes_ = 0;
};

}  // namespace ropeway
