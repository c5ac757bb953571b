// The bytes of a file, unpacked on the way when it is packed (packing.h): in pieces, so that what a small file
// unpacks to never has to fit into memory at once.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "trainer/data/packing.h"

namespace ropeway {

class ByteStream {
 public:
  // Throws what open_regular_file throws.
  explicit ByteStream(const std::filesystem::path& path);
  ~ByteStream();

  Compression compression() const;
  // Appends the next bytes, at most 1 MiB; false at the end. Throws kBadData when what is packed is damaged
  // or cut short, kIo.
  bool read(std::string& to);
  // SHA-256 of the file as it lies on disk, once read() has returned false.
  std::string file_sha256();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
