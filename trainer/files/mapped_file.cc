#include "trainer/files/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/files/input_file.h"
#include "trainer/files/mapped_ranges.h"

namespace ropeway {
namespace {

struct Descriptor {
  int value;
  ~Descriptor() { ::close(value); }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const std::string where = path.string();
  const Descriptor file{open_regular_file(path)};
  struct stat status;
  if (::fstat(file.value, &status) != 0) {
    fail(ErrorKind::kIo, "{}: cannot read its size: {}", where, std::strerror(errno));
  }
  if (status.st_size == 0) return;  // the system maps no empty range
  const auto size = static_cast<size_t>(status.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (map == MAP_FAILED) {
    fail(ErrorKind::kIo, "{}: cannot map {} bytes: {}", where, size, std::strerror(errno));
  }
  bytes_ = {static_cast<const std::byte*>(map), size};
  range_ = add_mapped_range(map, size, where);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(std::exchange(other.bytes_, {})),
      range_(std::exchange(other.range_, nullptr)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(range_, other.range_);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  remove_mapped_range(range_);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace ropeway
