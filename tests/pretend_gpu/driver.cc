// The driver's calls that are answered: what growing segments are made of, which libtorch asks the runtime
// for by name, and what it asks in passing.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstring>
#include <map>
#include <mutex>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"

using namespace ropeway::pretend;

namespace {

// Physical memory, which goes back when its handle is released and it is mapped nowhere.
struct Physical {
  size_t bytes;
  int device;
  bool released = false;
  int maps = 0;
};

struct Driver {
  std::mutex mutex;
  CUmemGenericAllocationHandle last = 0;
  std::map<CUmemGenericAllocationHandle, Physical> physical;
  std::map<CUdeviceptr, CUmemGenericAllocationHandle> maps;

  void drop_if_unused(CUmemGenericAllocationHandle handle) {
    const auto found = physical.find(handle);
    if (!found->second.released || found->second.maps > 0) return;
    return_physical(found->second.bytes, found->second.device);
    physical.erase(found);
  }
};

Driver& driver() {
  static auto* all = new Driver;
  return *all;
}

CUresult granularity(size_t* bytes, const CUmemAllocationProp*, CUmemAllocationGranularity_flags) {
  *bytes = kPage;
  return CUDA_SUCCESS;
}

CUresult address_reserve(CUdeviceptr* at, size_t bytes, size_t, CUdeviceptr, unsigned long long) {
  *at = reinterpret_cast<CUdeviceptr>(reserve_addresses(bytes));
  return CUDA_SUCCESS;
}
CUresult address_free(CUdeviceptr, size_t) { return CUDA_SUCCESS; }

CUresult create(CUmemGenericAllocationHandle* handle, size_t bytes, const CUmemAllocationProp* of,
                unsigned long long) {
  const std::lock_guard lock(driver().mutex);
  expect(bytes % kPage == 0, "cuMemCreate: {} bytes are not whole pages", bytes);
  if (!take_physical(bytes, of->location.id)) return CUDA_ERROR_OUT_OF_MEMORY;
  *handle = ++driver().last;
  driver().physical[*handle] = {bytes, of->location.id};
  return CUDA_SUCCESS;
}

CUresult release(CUmemGenericAllocationHandle handle) {
  const std::lock_guard lock(driver().mutex);
  expect(driver().physical.count(handle) > 0, "cuMemRelease: no memory {}", handle);
  driver().physical[handle].released = true;
  driver().drop_if_unused(handle);
  return CUDA_SUCCESS;
}

CUresult map(CUdeviceptr at, size_t bytes, size_t offset, CUmemGenericAllocationHandle handle,
             unsigned long long) {
  const std::lock_guard lock(driver().mutex);
  expect(driver().physical.count(handle) > 0, "cuMemMap: no memory {}", handle);
  expect(offset == 0 && bytes == driver().physical[handle].bytes, "cuMemMap: a part of memory {}", handle);
  map_memory(reinterpret_cast<char*>(at), bytes);
  driver().maps[at] = handle;
  ++driver().physical[handle].maps;
  return CUDA_SUCCESS;
}

CUresult unmap(CUdeviceptr at, size_t bytes) {
  const std::lock_guard lock(driver().mutex);
  // One call may take back pieces that were mapped one by one.
  for (const CUdeviceptr end = at + bytes; at < end;) {
    const auto found = driver().maps.find(at);
    expect(found != driver().maps.end(), "cuMemUnmap: nothing is mapped at {:#x}", at);
    const CUmemGenericAllocationHandle handle = found->second;
    const size_t piece = driver().physical[handle].bytes;
    unmap_memory(reinterpret_cast<char*>(at), piece);
    driver().maps.erase(found);
    --driver().physical[handle].maps;
    driver().drop_if_unused(handle);
    at += piece;
  }
  return CUDA_SUCCESS;
}

CUresult set_access(CUdeviceptr at, size_t bytes, const CUmemAccessDesc*, size_t) {
  expect_device_memory("cuMemSetAccess", reinterpret_cast<void*>(at), static_cast<int64_t>(bytes));
  return CUDA_SUCCESS;
}

CUresult not_there() { complain("a call of the driver that the pretend GPU does not have"); }

template <typename F>
void* address_of(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

extern "C" {

// A context comes with the device.
CUresult cuDevicePrimaryCtxGetState(CUdevice, unsigned* flags, int* active) {
  *flags = 0;
  *active = 1;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* context) {
  static int the_context = 0;
  *context = reinterpret_cast<CUcontext>(&the_context);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  // The runtime numbers attributes as the driver does.
  return static_cast<CUresult>(cudaDeviceGetAttribute(value, static_cast<cudaDeviceAttr>(attribute), device));
}

CUresult cuGetErrorString(CUresult, const char** text) {
  *text = "an error of the pretend driver";
  return CUDA_SUCCESS;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  static const std::map<std::string, void*> known = {
      {"cuMemGetAllocationGranularity", address_of(granularity)},
      {"cuMemAddressReserve", address_of(address_reserve)},
      {"cuMemAddressFree", address_of(address_free)},
      {"cuMemCreate", address_of(create)},
      {"cuMemRelease", address_of(release)},
      {"cuMemMap", address_of(map)},
      {"cuMemUnmap", address_of(unmap)},
      {"cuMemSetAccess", address_of(set_access)},
      {"cuDeviceGetAttribute", address_of(cuDeviceGetAttribute)},
      {"cuGetErrorString", address_of(cuGetErrorString)},
  };
  const auto found = known.find(name);
  *function = found == known.end() ? address_of(not_there) : found->second;
  if (result != nullptr) *result = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}

}  // extern "C"
