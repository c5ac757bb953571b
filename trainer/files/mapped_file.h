// A whole file, mapped for reading. A file that becomes shorter while it is mapped is no error that can be
// thrown: reading behind its end is SIGBUS, and mapped_ranges.h says whose address it was.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace ropeway {

struct MappedRange;

class MappedFile {
 public:
  // Throws what open_regular_file throws, and kIo when it cannot be mapped. An empty file maps to nothing.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  MappedRange* range_ = nullptr;
};

}  // namespace ropeway
