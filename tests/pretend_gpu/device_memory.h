// The memory of the pretend GPU. Every address is given out once, with a gap behind it, from a range that
// host code can neither read nor write; what the device does to it goes through a second view of the same
// pages. Physical memory (counted, up to PRETEND_GPU_MEMORY) and addresses are apart, as the driver's calls
// for growing segments have them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ropeway::pretend {

constexpr size_t kPage = size_t{2} << 20;

int64_t device_capacity();

// Physical bytes of the current device; false: there are no more.
bool take_physical(size_t bytes, int device);
void return_physical(size_t bytes, int device);

// Addresses, at first without memory behind them.
char* reserve_addresses(size_t bytes);
void map_memory(char* at, size_t bytes);    // zeros
void unmap_memory(char* at, size_t bytes);  // what was there is lost

bool is_device_address(const void* address);
// Complains unless [address, address + bytes) is device memory that is in use.
void expect_device_memory(const char* call, const void* address, int64_t bytes);
// The same bytes where the stand-in itself may read and write them.
char* host_view(const void* device_address);
// Nothing was written to them; zeros again.
bool device_is_untouched(const void* at, size_t bytes);
void forget_device_pages(void* at, size_t bytes);

// Host memory that copies may run beside the host's work with.
void* take_pinned(size_t bytes);
void note_pinned(void* memory, size_t bytes);
size_t forget_pinned(const char* call, void* memory);  // its bytes
bool is_pinned(const void* address);

struct MemoryUse {
  int64_t device = 0, device_peak = 0, pinned = 0, pinned_peak = 0;
};
MemoryUse memory_use();
int64_t device_in_use(int device);

}  // namespace ropeway::pretend
