// The devices: how many, what they are, which is current; errors.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/shared_memory.h"

using namespace ropeway::pretend;

namespace {

thread_local int current = 0;
thread_local cudaError_t last_error = cudaSuccess;

int device_count() { return static_cast<int>(setting("PRETEND_GPU_COUNT", 1)); }
int capability() { return static_cast<int>(setting("PRETEND_GPU_CAPABILITY", 90)); }

// An H100 SXM's figures, but for the memory and the capability asked for.
cudaDeviceProp properties(int device) {
  cudaDeviceProp p{};
  std::snprintf(p.name, sizeof p.name, "NVIDIA H100 80GB HBM3");
  std::memcpy(p.uuid.bytes, "pretend GPU", 12);
  p.uuid.bytes[15] = static_cast<char>(device);
  p.totalGlobalMem = static_cast<size_t>(device_capacity());
  p.sharedMemPerBlock = kSharedMemory;
  p.sharedMemPerBlockOptin = kSharedMemoryOnRequest;
  p.sharedMemPerMultiprocessor = kSharedMemoryOfAll;
  p.reservedSharedMemPerBlock = 1 << 10;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.memPitch = 0x7fffffff;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7fffffff;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 64 << 10;
  p.major = capability() / 10;
  p.minor = capability() % 10;
  p.textureAlignment = 512;
  p.texturePitchAlignment = 32;
  p.multiProcessorCount = 132;
  p.canMapHostMemory = p.unifiedAddressing = p.concurrentKernels = 1;
  p.pciBusID = 1 + device;
  p.asyncEngineCount = 3;
  p.memoryBusWidth = 5120;
  p.l2CacheSize = 50 << 20;
  p.maxThreadsPerMultiProcessor = 2048;
  p.maxBlocksPerMultiProcessor = 32;
  p.streamPrioritiesSupported = p.cooperativeLaunch = p.clusterLaunch = 1;
  return p;
}

}  // namespace

namespace ropeway::pretend {

cudaError_t ended_with(cudaError_t error) { return last_error = error; }
int current_device() { return current; }

}  // namespace ropeway::pretend

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return *count > 0 ? cudaSuccess : ended_with(cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int* device) {
  *device = current;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return ended_with(cudaErrorInvalidDevice);
  current = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* of, int device) {
  if (device < 0 || device >= device_count()) return ended_with(cudaErrorInvalidDevice);
  *of = properties(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device < 0 || device >= device_count()) return ended_with(cudaErrorInvalidDevice);
  const cudaDeviceProp p = properties(device);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = p.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = p.maxGridSize[0];
      break;
    case cudaDevAttrMaxGridDimY:
      *value = p.maxGridSize[1];
      break;
    case cudaDevAttrMaxGridDimZ:
      *value = p.maxGridSize[2];
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = kSharedMemory;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = kSharedMemoryOnRequest;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = kSharedMemoryOfAll;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = p.multiProcessorCount;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = p.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = p.minor;
      break;
    case cudaDevAttrWarpSize:
      *value = p.warpSize;
      break;
    case cudaDevAttrL2CacheSize:
      *value = p.l2CacheSize;
      break;
    case cudaDevAttrUnifiedAddressing:
      *value = p.unifiedAddressing;
      break;
    default:
      *value = 0;
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  std::snprintf(text, static_cast<size_t>(length), "0000:%02x:00.0", 1 + device);
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
  *can = 0;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }

}  // extern "C"
