// Kernels: known by the functions that stand for them on the host, launched onto nothing. A launch is checked
// against what compute capability 8.0 and later take and, where the kernel's code can be read, against its
// bounds; its arguments are searched for addresses of host memory.
#include <cuda_runtime_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/kernel_code.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/shared_memory.h"
#include "tests/pretend_gpu/streams.h"

using namespace ropeway::pretend;

namespace {

struct Kernel {
  std::string name;
  KernelCode code;
  int dynamic_shared = kSharedMemory;  // what a launch may ask for
};

struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};

std::mutex kernels_mutex;
std::map<const void*, Kernel>& kernels() {
  static auto* all = new std::map<const void*, Kernel>;
  return *all;
}

// By the function on the host, or by the handle made of it, which is the same pointer here.
Kernel& kernel_of(const char* call, const void* function) {
  const std::lock_guard lock(kernels_mutex);
  const auto found = kernels().find(function);
  expect(found != kernels().end(), "{}: {} is no kernel", call, function);
  return found->second;
}

// By name, in the fat binary that is being registered.
std::map<std::string, KernelCode>& code_at_hand() {
  static auto* all = new std::map<std::string, KernelCode>;
  return *all;
}

bool is_mapped(uintptr_t address) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return msync(reinterpret_cast<void*>(address / page * page), page, MS_ASYNC) == 0;
}

// A word that is an address, and not a flag or a number of 32 bits with what happened to stand behind it:
// passed over are words that end in a byte of 0 or 1, or in a small number.
bool is_address(uintptr_t word) {
  const uintptr_t lower = word & 0xffffffff;
  return word >= (uintptr_t{1} << 32) && word < (uintptr_t{1} << 47) && (lower & 0xff) > 1 &&
         lower >= (1 << 22);
}

// Every address in the arguments must be one of the device or of pinned memory.
void expect_device_arguments(const Kernel& kernel, void** arguments) {
  for (size_t i = 0; i < kernel.code.parameters.size(); ++i) {
    for (size_t at = 0; at + sizeof(uintptr_t) <= kernel.code.parameters[i]; at += sizeof(uintptr_t)) {
      uintptr_t word = 0;
      std::memcpy(&word, static_cast<const char*>(arguments[i]) + at, sizeof word);
      const auto* address = reinterpret_cast<const void*>(word);
      if (!is_address(word)) continue;
      if (is_device_address(address)) {
        // The end of an allocation may be meant; its begin ends in 0.
        expect_device_memory(kernel.name.c_str(), static_cast<const char*>(address) - 1, 1);
      } else {
        expect(is_pinned(address) || !is_mapped(word),
               "{}: byte {} of argument {} is {}, which is host memory", kernel.name, at, i, address);
      }
    }
  }
}

std::map<const void*, std::vector<char>>& variables() {
  static auto* all = new std::map<const void*, std::vector<char>>;
  return *all;
}

std::vector<Configuration>& pushed() {
  static thread_local std::vector<Configuration> all;
  return all;
}

cudaError_t launch(const void* function, const Configuration& with, void** arguments) {
  const Kernel& kernel = kernel_of("a launch", function);
  const auto& [grid, block, shared, stream] = with;
  const std::string shape =
      fmt::format("{}: {} x {} x {} blocks of {} x {} x {} threads, {} bytes of shared memory", kernel.name,
                  grid.x, grid.y, grid.z, block.x, block.y, block.z, shared);
  expect_stream(kernel.name.c_str(), stream);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  expect(
      grid.x >= 1 && grid.x <= 0x7fffffff && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535,
      "{}: no such grid", shape);
  expect(threads >= 1 && threads <= 1024 && block.x <= 1024 && block.y <= 1024 && block.z <= 64,
         "{}: no such block", shape);
  expect(kernel.code.max_threads == 0 || threads <= kernel.code.max_threads,
         "{}: made for at most {} threads", shape, kernel.code.max_threads);
  expect(shared <= static_cast<size_t>(kernel.dynamic_shared), "{}: it was allowed {}", shape,
         kernel.dynamic_shared);
  expect(shared + kernel.code.shared <= kSharedMemoryOnRequest, "{}: {} more are its own", shape,
         kernel.code.shared);
  expect_device_arguments(kernel, arguments);
  ++record().launches;
  return cudaSuccess;
}

}  // namespace

extern "C" {

// --- What nvcc's code calls as a program or library is loaded

void** __cudaRegisterFatBinary(void* binary) {
  const std::lock_guard lock(kernels_mutex);
  code_at_hand() = kernels_in(binary);
  return new void*(binary);
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}

void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*, uint3*, dim3*,
                            dim3*, int*) {
  const std::lock_guard lock(kernels_mutex);
  kernels()[function] = {name, code_at_hand()[name]};
}

void __cudaRegisterVar(void**, char* variable, char*, const char*, int, size_t bytes, int, int) {
  const std::lock_guard lock(kernels_mutex);
  variables()[variable].resize(bytes);
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  kernel_of("__cudaGetKernel", function);
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}

// --- Launches

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st* stream) {
  pushed().push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  expect(!pushed().empty(), "a launch without a configuration");
  const Configuration last = pushed().back();
  pushed().pop_back();
  *grid = last.grid;
  *block = last.block;
  *shared = last.shared;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                               cudaStream_t stream) {
  return launch(kernel, {grid, block, shared, stream}, arguments);
}
cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, size_t shared,
                             cudaStream_t stream) {
  return launch(function, {grid, block, shared, stream}, arguments);
}
cudaError_t cudaLaunchCooperativeKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                                        size_t shared, cudaStream_t stream) {
  return launch(function, {grid, block, shared, stream}, arguments);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* with, const void* function, void** arguments) {
  return launch(function, {with->gridDim, with->blockDim, with->dynamicSmemBytes, with->stream}, arguments);
}

// --- What is asked about a kernel

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  const Kernel& kernel = kernel_of("cudaFuncGetAttributes", function);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion =
      static_cast<int>(setting("PRETEND_GPU_CAPABILITY", 90));
  attributes->maxDynamicSharedSizeBytes = kernel.dynamic_shared;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  Kernel& kernel = kernel_of("cudaFuncSetAttribute", function);
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
    if (value < 0 || value > kSharedMemoryOnRequest) return ended_with(cudaErrorInvalidValue);
    kernel.dynamic_shared = value;
  }
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function,
                                                                   int threads, size_t shared, unsigned) {
  kernel_of("cudaOccupancyMaxActiveBlocksPerMultiprocessor", function);
  *blocks = threads > 1024 || threads < 1 ? 0 : std::min(2048 / threads, 32);
  if (shared > 0) *blocks = std::min(*blocks, static_cast<int>(kSharedMemoryOfAll / (shared + 1024)));
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared, 0);
}

}  // extern "C"
