// Walks through the header of a GGUF file and never leaves it. Inside this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "kernels/base/error.h"

namespace ropeway {

class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  int64_t position() const { return position_; }
  const std::byte* here() const { return bytes_.data() + position_; }

  // Passes over `count` items of `bytes` each; `what` names them in the error.
  void skip(uint64_t count, uint64_t bytes, const std::string& what) {
    const uint64_t left = bytes_.size() - static_cast<uint64_t>(position_);
    if (bytes != 0 && count > left / bytes) {
      fail(ErrorKind::kBadData, "{}: {}: takes {} x {} bytes at byte {}, {} are left (truncated?)", where_,
           what, count, bytes, position_, left);
    }
    position_ += static_cast<int64_t>(count * bytes);
  }

  template <typename T>
  T take(const std::string& what) {
    const std::byte* at = here();
    skip(1, sizeof(T), what);
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }

  std::string_view string(int64_t max_bytes, const std::string& what) {
    const auto length = take<uint64_t>(what);
    if (length > static_cast<uint64_t>(max_bytes)) {
      fail(ErrorKind::kBadData, "{}: {}: a string of {} bytes at byte {}, at most {} are read", where_, what,
           length, position_, max_bytes);
    }
    const std::byte* at = here();
    skip(length, 1, what);
    return {reinterpret_cast<const char*>(at), static_cast<size_t>(length)};
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& where_;
  int64_t position_ = 0;
};

}  // namespace ropeway
