// cudaMalloc and its kin, copies and fills.
#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <map>
#include <mutex>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/sparse_copy.h"
#include "tests/pretend_gpu/streams.h"

using namespace ropeway::pretend;

namespace {

struct Allocation {
  size_t bytes;
  int device;
};

std::mutex allocations_mutex;
std::map<void*, Allocation>& allocations() {
  static auto* all = new std::map<void*, Allocation>;
  return *all;
}

// What a copy of pageable memory may put aside without waiting for the device.
constexpr size_t kStaged = 64 << 10;

void copy(const char* call, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool queued) {
  if (bytes == 0) return;
  ++record().copies;
  const bool to_device = is_device_address(to), from_device = is_device_address(from);
  const bool device_wanted_to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool device_wanted_from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind != cudaMemcpyDefault) {
    expect(to_device == device_wanted_to, "{} (kind {}) writes to {}, which is {} memory", call,
           static_cast<int>(kind), to, to_device ? "device" : "host");
    expect(from_device == device_wanted_from, "{} (kind {}) reads {}, which is {} memory", call,
           static_cast<int>(kind), from, from_device ? "device" : "host");
  }
  if (to_device) expect_device_memory(call, to, static_cast<int64_t>(bytes));
  if (from_device) expect_device_memory(call, from, static_cast<int64_t>(bytes));
  const bool both_device = to_device && from_device;
  const bool pageable = (!to_device && !is_pinned(to)) || (!from_device && !is_pinned(from));
  if (!both_device && (!queued || (pageable && (from_device || bytes > kStaged)))) host_waits();
  sparse_copy(to, from, bytes);
}

void fill(const char* call, void* to, int value, size_t bytes) {
  ++record().copies;
  expect_device_memory(call, to, static_cast<int64_t>(bytes));
  sparse_fill(to, value, bytes);
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  const size_t pages = (bytes + kPage - 1) / kPage * kPage;
  const int device = current_device();
  if (!take_physical(pages, device)) return ended_with(cudaErrorMemoryAllocation);
  char* at = reserve_addresses(pages);
  map_memory(at, pages);
  const std::lock_guard lock(allocations_mutex);
  allocations()[at] = {pages, device};
  *memory = at;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  host_waits();
  const std::lock_guard lock(allocations_mutex);
  const auto found = allocations().find(memory);
  expect(found != allocations().end(), "cudaFree: no allocation begins at {}", memory);
  unmap_memory(static_cast<char*>(memory), found->second.bytes);
  return_physical(found->second.bytes, found->second.device);
  allocations().erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = static_cast<size_t>(device_capacity());
  *free = static_cast<size_t>(device_capacity() - device_in_use(current_device()));
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  *memory = take_pinned(bytes);
  if (*memory == nullptr) return ended_with(cudaErrorMemoryAllocation);
  note_pinned(*memory, bytes);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  munmap(memory, forget_pinned("cudaFreeHost", memory));
  return cudaSuccess;
}

cudaError_t cudaHostRegister(void* memory, size_t bytes, unsigned) {
  expect(!is_device_address(memory), "cudaHostRegister: {} is device memory", memory);
  note_pinned(memory, bytes);
  return cudaSuccess;
}

cudaError_t cudaHostUnregister(void* memory) {
  forget_pinned("cudaHostUnregister", memory);
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  *attributes = {};
  auto* at = const_cast<void*>(address);
  attributes->type = cudaMemoryTypeUnregistered;
  if (is_device_address(address)) {
    attributes->type = cudaMemoryTypeDevice;
    attributes->devicePointer = at;
  } else if (is_pinned(address)) {
    attributes->type = cudaMemoryTypeHost;
    attributes->devicePointer = attributes->hostPointer = at;
  } else {
    attributes->device = cudaInvalidDeviceId;
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  copy("cudaMemcpy", to, from, bytes, kind, false);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  expect_stream("cudaMemcpyAsync", stream);
  copy("cudaMemcpyAsync", to, from, bytes, kind, true);
  return cudaSuccess;
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  fill("cudaMemset", to, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  expect_stream("cudaMemsetAsync", stream);
  fill("cudaMemsetAsync", to, value, bytes);
  return cudaSuccess;
}

}  // extern "C"
