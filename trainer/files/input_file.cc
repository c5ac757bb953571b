#include "trainer/files/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

const char* words_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

[[noreturn]] void refuse_irregular(const std::string& where, mode_t mode) {
  const char* advice = S_ISDIR(mode) ? "" : "; write what comes out of it to a file and name that one";
  fail(ErrorKind::kMissingInput, "{}: is {}, not a regular file{}", where, words_of(mode), advice);
}

}  // namespace

int open_regular_file(const std::filesystem::path& path) {
  const std::string where = path.string();
  struct stat status {};
  // A pipe that nobody writes to would hold up an open that waits.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    const int error = errno;
    if (error == ENXIO && ::stat(path.c_str(), &status) == 0) refuse_irregular(where, status.st_mode);
    fail(ErrorKind::kMissingInput, "{}: cannot open: {}", where, std::strerror(error));
  }
  if (::fstat(descriptor, &status) != 0) {
    const int error = errno;
    ::close(descriptor);
    fail(ErrorKind::kIo, "{}: cannot read its size: {}", where, std::strerror(error));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor);
    refuse_irregular(where, status.st_mode);
  }
  return descriptor;
}

InputFile::InputFile(const std::filesystem::path& path) : path_(path), descriptor_(open_regular_file(path)) {}

InputFile::~InputFile() { ::close(descriptor_); }

size_t InputFile::read(char* buffer, size_t bytes) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer, bytes);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) fail(ErrorKind::kIo, "{}: reading failed: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace ropeway
