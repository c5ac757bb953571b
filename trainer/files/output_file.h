// A new file, written through the system calls with every return value checked: a full disk is an error where
// it happens (a C++ stream reports it at close, or never). The file must not exist before; until keep() it is
// removed again by the destructor. Errors: kCannotCreate when it cannot be created, kIo afterwards; both name
// path and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "trainer/files/sha256.h"

namespace ropeway {

class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, int64_t bytes);
  void keep();  // fsync and close; the file stays

  const std::filesystem::path& path() const { return path_; }
  int64_t bytes() const { return bytes_; }
  const std::string& sha256() const { return sha256_; }  // of everything written, after keep()

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool kept_ = false;
  int64_t bytes_ = 0;
  Sha256 hash_;
  std::string sha256_;
};

// "8b1f0c9e-....": 122 random bits from the system in the form of a version 4 UUID; names temporary files,
// nothing else.
std::string make_uuid();
bool is_uuid(std::string_view text);  // one such as make_uuid() makes, of any version

// Bytes that an ordinary user may still write where `path` lies (a file or folder that exists); -1 when
// unknown.
int64_t free_bytes(const std::filesystem::path& path);

// Gives a finished, kept file its final name, replacing what has it, and makes the name durable. Removes
// `temporary` and throws kCannotCreate when that fails.
void rename_file(const std::filesystem::path& temporary, const std::filesystem::path& target);

// Gives the finished folder `temporary` the name `target` and makes that durable. A `target` that exists is
// exchanged for it in one step where the file system can, and removed. Throws kCannotCreate.
void publish_folder(const std::filesystem::path& temporary, const std::filesystem::path& target);

}  // namespace ropeway
