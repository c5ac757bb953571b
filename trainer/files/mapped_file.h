// A whole file, mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace ropeway {

class MappedFile {
 public:
  // Throws kMissingInput when it cannot be opened or is not a regular file, kIo when it cannot be mapped. An
  // empty file maps to nothing.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace ropeway
