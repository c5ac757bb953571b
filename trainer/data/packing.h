// How a file is packed, and unpacking it in pieces: gzip, zstd, xz (and .lzma), bzip2, with several members
// one behind another as their own programs read them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

enum class Compression { kNone, kGzip, kZstd, kXz, kBzip2 };

// By the first bytes of the file, else by the end of its name in any case.
Compression compression_of(std::string_view front, const std::filesystem::path& path);
const char* word_of(Compression packing);  // "gzip"; "" for kNone
// The path without an ending that stands for a packing: what the name says about the content.
std::filesystem::path unpacked_name(const std::filesystem::path& path);

class Unpacker {
 public:
  virtual ~Unpacker() = default;
  struct Step {
    size_t produced = 0;     // bytes of the output that were filled
    bool in_member = false;  // more belongs to what has begun
  };
  // Takes from the front of `input`; `last`: nothing comes behind it. Throws kBadData "NAME: ..." when it is
  // damaged.
  virtual Step unpack(std::string_view& input, bool last, std::vector<char>& output) = 0;
};

// name: for errors. packing: not kNone. zstd's windows may have up to 2 GiB (zstd --long=31), which is what
// reading such a file takes in memory.
std::unique_ptr<Unpacker> make_unpacker(Compression packing, const std::string& name);

}  // namespace ropeway
