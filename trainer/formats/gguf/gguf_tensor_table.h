// The tensor table of a GGUF file: reading an entry, and finding all of their data. Inside this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/formats/gguf/gguf_cursor.h"
#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway {

struct GgufTableEntry {
  GgufTensor tensor;
  int64_t offset = 0, bytes = 0;  // within the data section
};
// Name, dims, type and offset, each checked by itself. Throws kBadData.
GgufTableEntry read_gguf_table_entry(GgufCursor& cursor, int64_t index, const std::string& where);

// Gives every tensor its bytes of the data section. Throws kBadData unless they are aligned, fill the section
// without overlap, hole or rest, and end within it.
void place_gguf_tensors(std::vector<GgufTableEntry>& entries, std::span<const std::byte> data,
                        int64_t alignment, const std::string& where);

inline int64_t gguf_round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace ropeway
