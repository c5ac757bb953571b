// Which addresses are whose file's, for whoever handles SIGBUS: reading a mapping behind the end of a file
// that became shorter, or from a disk that fails, is a signal and no error code.
#pragma once

#include <cstddef>
#include <string>

namespace ropeway {

struct MappedRange;  // lives as long as the process; a range that was removed is used again

MappedRange* add_mapped_range(const void* begin, size_t bytes, const std::string& path);
void remove_mapped_range(MappedRange* range);

struct MappedPlace {
  const char* path = nullptr;  // null: no mapped file's
  size_t offset = 0;           // into the file
};
// Safe in a signal handler, while other threads add and remove ranges.
MappedPlace mapped_place_of(const void* address);

}  // namespace ropeway
