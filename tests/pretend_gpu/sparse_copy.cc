#include "tests/pretend_gpu/sparse_copy.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/pretend_gpu/device_memory.h"

namespace ropeway::pretend {
namespace {

constexpr size_t kWorthwhile = size_t{1} << 20;

char* reachable(const void* address) {
  return is_device_address(address) ? host_view(address) : static_cast<char*>(const_cast<void*>(address));
}

// The whole system pages within [at, at + bytes).
struct Pages {
  char *begin, *end;
  Pages(void* at, size_t bytes) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), first = reinterpret_cast<uintptr_t>(at);
    begin = reinterpret_cast<char*>((first + page - 1) / page * page);
    end = reinterpret_cast<char*>((first + bytes) / page * page);
  }
  size_t bytes() const { return static_cast<size_t>(end - begin); }
};

// Nothing was ever written to the pages of which pinned memory of ours consists.
bool pinned_is_untouched(const void* at, size_t bytes) {
  const Pages pages(const_cast<void*>(at), bytes);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  // The pages at both ends as well.
  std::vector<unsigned char> resident(pages.bytes() / page + 2);
  auto* from = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(at) / page * page);
  const char* end = static_cast<const char*>(at) + bytes;
  if (mincore(from, static_cast<size_t>(end - from), resident.data()) != 0) return false;
  return std::none_of(resident.begin(), resident.end(), [](unsigned char r) { return (r & 1) != 0; });
}

bool holds_zeros(const void* from, size_t bytes) {
  return is_device_address(from) ? device_is_untouched(from, bytes)
                                 : is_pinned(from) && pinned_is_untouched(from, bytes);
}

void clear(void* to, size_t bytes) {
  if (is_device_address(to)) return forget_device_pages(to, bytes);
  const Pages pages(to, bytes);
  if (!is_pinned(to) || pages.end <= pages.begin) {
    std::memset(to, 0, bytes);
    return;
  }
  auto* begin = static_cast<char*>(to);
  std::memset(begin, 0, static_cast<size_t>(pages.begin - begin));
  madvise(pages.begin, pages.bytes(), MADV_DONTNEED);
  std::memset(pages.end, 0, static_cast<size_t>(begin + bytes - pages.end));
}

}  // namespace

void sparse_copy(void* to, const void* from, size_t bytes) {
  if (bytes >= kWorthwhile && holds_zeros(from, bytes)) return clear(to, bytes);
  std::memmove(reachable(to), reachable(from), bytes);
}

void sparse_fill(void* device, int value, size_t bytes) {
  if (bytes >= kWorthwhile && value == 0) return forget_device_pages(device, bytes);
  std::memset(host_view(device), value, bytes);
}

}  // namespace ropeway::pretend
