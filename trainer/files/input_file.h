// A file read from front to back through the system calls, with every return value checked.
#pragma once

#include <cstddef>
#include <filesystem>

namespace ropeway {

class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);  // kMissingInput when absent, unreadable or a folder
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  size_t read(char* buffer, size_t bytes);  // 0 at the end; kIo
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ropeway
