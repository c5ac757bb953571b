#include "trainer/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const std::string where = path.string();
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) fail(ErrorKind::kMissingInput, "{}: cannot open: {}", where, std::strerror(errno));
  struct stat status;
  if (::fstat(file.value, &status) != 0) {
    fail(ErrorKind::kIo, "{}: cannot read its size: {}", where, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) fail(ErrorKind::kMissingInput, "{}: is not a regular file", where);
  if (status.st_size == 0) return;  // the system maps no empty range
  const auto size = static_cast<size_t>(status.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (map == MAP_FAILED) {
    fail(ErrorKind::kIo, "{}: cannot map {} bytes: {}", where, size, std::strerror(errno));
  }
  bytes_ = {static_cast<const std::byte*>(map), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace ropeway
