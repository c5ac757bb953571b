#include "trainer/files/mapped_ranges.h"

#include <atomic>
#include <cstdint>
#include <mutex>

namespace ropeway {

// A list that only grows. bytes is 0 while a range is free or being filled in: a reader passes it over.
struct MappedRange {
  std::atomic<uintptr_t> begin{0};
  std::atomic<size_t> bytes{0};
  std::string path;
  MappedRange* next = nullptr;  // set before the range is published
};

namespace {

std::atomic<MappedRange*> g_first{nullptr};
std::mutex g_writers;

MappedRange* free_range() {
  for (MappedRange* range = g_first.load(); range != nullptr; range = range->next) {
    if (range->bytes.load() == 0) return range;
  }
  auto* range = new MappedRange;  // never deleted: a handler may be reading the list
  range->next = g_first.load();
  g_first.store(range);
  return range;
}

}  // namespace

MappedRange* add_mapped_range(const void* begin, size_t bytes, const std::string& path) {
  const std::lock_guard lock(g_writers);
  MappedRange* range = free_range();
  range->path = path;
  range->begin.store(reinterpret_cast<uintptr_t>(begin));
  range->bytes.store(bytes);
  return range;
}

void remove_mapped_range(MappedRange* range) {
  const std::lock_guard lock(g_writers);
  range->bytes.store(0);
}

MappedPlace mapped_place_of(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const MappedRange* range = g_first.load(); range != nullptr; range = range->next) {
    const size_t bytes = range->bytes.load();
    const uintptr_t begin = range->begin.load();
    if (at >= begin && at - begin < bytes) return {range->path.c_str(), at - begin};
  }
  return {};
}

}  // namespace ropeway
