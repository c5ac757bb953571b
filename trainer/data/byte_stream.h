// The bytes of a file, unpacked on the way when its name ends in .gz or .zst: in pieces, so that what a small
// file unpacks to never has to fit into memory at once.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace ropeway {

class ByteStream {
 public:
  // Throws kMissingInput. The packing goes by the name alone.
  static std::unique_ptr<ByteStream> open(const std::filesystem::path& path);
  virtual ~ByteStream() = default;
  // Appends the next bytes, at most 1 MiB; false at the end. Throws kBadData when what is packed is damaged
  // or cut short, kIo.
  virtual bool read(std::string& to) = 0;
  // SHA-256 of the file as it lies on disk, once read() has returned false.
  virtual std::string file_sha256() = 0;
};

}  // namespace ropeway
