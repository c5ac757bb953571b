#include "tests/pretend_gpu/device_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "tests/pretend_gpu/pretend_gpu.h"
#include "tests/pretend_gpu/record.h"

namespace ropeway::pretend {
namespace {

constexpr size_t kAddresses = size_t{1} << 43;  // 8 TiB; pages come into being when they are written

struct Memory {
  std::mutex mutex;
  int file = -1;
  char* addresses = nullptr;  // PROT_NONE
  char* view = nullptr;       // the same pages, readable and writable
  size_t next = 0;
  std::map<const char*, size_t> mapped;  // device memory in use
  std::map<const char*, size_t> pinned;  // of the host
  std::map<int, int64_t> used;           // by device
  MemoryUse use;

  Memory() {
    file = memfd_create("pretend_gpu", MFD_CLOEXEC);
    const bool sized = file >= 0 && ftruncate(file, static_cast<off_t>(kAddresses)) == 0;
    expect(sized, "no file for the device's memory");
    addresses = view_of(PROT_NONE);
    view = view_of(PROT_READ | PROT_WRITE);
  }
  char* view_of(int protection) const {
    void* at = mmap(nullptr, kAddresses, protection, MAP_SHARED | MAP_NORESERVE, file, 0);
    expect(at != MAP_FAILED, "no addresses for the device's memory");
    return static_cast<char*>(at);
  }
  bool owns(const char* at) const { return at >= addresses && at < addresses + kAddresses; }
};

Memory& memory() {
  static auto* all = new Memory;
  return *all;
}

// The piece of `pieces` that holds the address, or its end.
template <typename Pieces>
auto piece_with(Pieces& pieces, const char* at) {
  auto next = pieces.upper_bound(at);
  if (next == pieces.begin()) return pieces.end();
  --next;
  return at < next->first + next->second ? next : pieces.end();
}

}  // namespace

int64_t device_capacity() { return setting("PRETEND_GPU_MEMORY", 81559) << 20; }

bool take_physical(size_t bytes, int device) {
  const std::lock_guard lock(memory().mutex);
  int64_t& used = memory().used[device];
  const auto wanted = static_cast<int64_t>(bytes);
  if (used + wanted > device_capacity()) return false;
  used += wanted;
  MemoryUse& use = memory().use;
  use.device += wanted;
  use.device_peak = std::max(use.device_peak, use.device);
  return true;
}

void return_physical(size_t bytes, int device) {
  const std::lock_guard lock(memory().mutex);
  memory().used[device] -= static_cast<int64_t>(bytes);
  memory().use.device -= static_cast<int64_t>(bytes);
}

char* reserve_addresses(size_t bytes) {
  const std::lock_guard lock(memory().mutex);
  const size_t at = memory().next;
  memory().next = (at + bytes + kPage - 1) / kPage * kPage + kPage;
  expect(memory().next <= kAddresses, "all device addresses have been given out once");
  return memory().addresses + at;
}

void map_memory(char* at, size_t bytes) {
  const std::lock_guard lock(memory().mutex);
  memory().mapped[at] = bytes;
}

void unmap_memory(char* at, size_t bytes) {
  const std::lock_guard lock(memory().mutex);
  const auto piece = memory().mapped.find(at);
  expect(piece != memory().mapped.end() && piece->second == bytes,
         "{} is given back: no device memory of {} bytes in use begins there", static_cast<void*>(at), bytes);
  memory().mapped.erase(piece);
  forget_device_pages(at, bytes);
}

bool is_device_address(const void* address) { return memory().owns(static_cast<const char*>(address)); }

void expect_device_memory(const char* call, const void* address, int64_t bytes) {
  if (bytes == 0) return;
  const auto* at = static_cast<const char*>(address);
  const std::lock_guard lock(memory().mutex);
  expect(memory().owns(at), "{}: {} is not device memory", call, address);
  // Growing segments are mapped piece by piece, one behind the other.
  for (int64_t left = bytes; left > 0;) {
    const auto piece = piece_with(memory().mapped, at);
    expect(piece != memory().mapped.end(), "{}: of {} bytes at {} the last {} are in no allocation", call,
           bytes, address, left);
    const int64_t here = piece->first + piece->second - at;
    left -= here;
    at += here;
  }
}

char* host_view(const void* device_address) {
  return memory().view + (static_cast<const char*>(device_address) - memory().addresses);
}

bool device_is_untouched(const void* at, size_t bytes) {
  const off_t begin = static_cast<const char*>(at) - memory().addresses;
  const off_t data = lseek(memory().file, begin, SEEK_DATA);
  return data < 0 || data >= begin + static_cast<off_t>(bytes);
}

void forget_device_pages(void* at, size_t bytes) {
  if (device_is_untouched(at, bytes)) return;
  const off_t begin = static_cast<char*>(at) - memory().addresses;
  fallocate(memory().file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin, static_cast<off_t>(bytes));
}

void* take_pinned(size_t bytes) {
  void* at =
      mmap(nullptr, std::max<size_t>(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

void note_pinned(void* at, size_t bytes) {
  const std::lock_guard lock(memory().mutex);
  memory().pinned[static_cast<char*>(at)] = bytes;
  MemoryUse& use = memory().use;
  use.pinned += static_cast<int64_t>(bytes);
  use.pinned_peak = std::max(use.pinned_peak, use.pinned);
}

size_t forget_pinned(const char* call, void* at) {
  const std::lock_guard lock(memory().mutex);
  const auto piece = memory().pinned.find(static_cast<char*>(at));
  expect(piece != memory().pinned.end(), "{}: no pinned memory begins at {}", call, at);
  const size_t bytes = piece->second;
  memory().use.pinned -= static_cast<int64_t>(bytes);
  memory().pinned.erase(piece);
  return bytes;
}

bool is_pinned(const void* address) {
  const std::lock_guard lock(memory().mutex);
  return piece_with(memory().pinned, static_cast<const char*>(address)) != memory().pinned.end();
}

MemoryUse memory_use() {
  const std::lock_guard lock(memory().mutex);
  return memory().use;
}

void reset_peaks() {
  const std::lock_guard lock(memory().mutex);
  memory().use.device_peak = memory().use.device;
  memory().use.pinned_peak = memory().use.pinned;
}

int64_t device_in_use(int device) {
  const std::lock_guard lock(memory().mutex);
  return memory().used[device];
}

}  // namespace ropeway::pretend
