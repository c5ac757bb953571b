#include "trainer/files/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"

namespace ropeway {

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    fail(ErrorKind::kMissingInput, "{}: cannot open: {}", path.string(), std::strerror(errno));
  struct stat status;
  if (::fstat(descriptor_, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor_);
    fail(ErrorKind::kMissingInput, "{}: is a folder, wanted a file", path.string());
  }
}

InputFile::~InputFile() { ::close(descriptor_); }

size_t InputFile::read(char* buffer, size_t bytes) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer, bytes);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) fail(ErrorKind::kIo, "{}: reading failed: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace ropeway
