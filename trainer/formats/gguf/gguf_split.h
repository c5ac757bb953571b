// The parts of a model in several GGUF files: NAME-00001-of-00003.gguf, ... Inside this folder.
#pragma once

#include <cstdint>
#include <filesystem>

#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway {

struct GgufSplit {
  int64_t number = 0, count = 1;  // which of how many, from 0
};
// What split.no and split.count say; one of one without them.
GgufSplit read_gguf_split(const GgufFile& file);

// The file of a part beside the first one. Throws kBadData when that one's name is not of the pattern,
// kMissingInput when the part is not there.
std::filesystem::path gguf_part(const std::filesystem::path& first, const GgufSplit& wanted);
// Throws kBadData unless the file says that it is that part.
void require_gguf_part(const GgufFile& file, const GgufSplit& wanted);
// Throws kBadData naming the first part.
[[noreturn]] void refuse_later_gguf_part(const std::filesystem::path& path, const GgufSplit& split);

}  // namespace ropeway
