// A file read from front to back through the system calls, with every return value checked.
#pragma once

#include <cstddef>
#include <filesystem>

namespace ropeway {

// Opens a regular file for reading and returns its descriptor, the caller's to close: the one way in for
// whatever a user names. Throws kMissingInput when it is absent, unreadable, a folder, a pipe, a socket or a
// device; none of them is waited for.
int open_regular_file(const std::filesystem::path& path);

class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);  // open_regular_file
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
