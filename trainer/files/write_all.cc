#include "trainer/files/write_all.h"

#include <unistd.h>

#include <cerrno>

#include "parallel/board/position.h"

namespace ropeway {

int write_all(int descriptor, const void* data, size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    Position::here().tick();
    next += written;
    bytes -= static_cast<size_t>(written);
  }
  return 0;
}

}  // namespace ropeway
