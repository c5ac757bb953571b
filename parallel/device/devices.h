// The GPUs of this machine, and which GPUs this program has code for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

struct DeviceInfo {
  int index = 0;  // as CUDA counts, among the visible ones
  std::string name, uuid;
  int capability = 0;  // 90 for sm_90
  int64_t memory_bytes = 0;
};

// The GPUs this process sees; none without a driver, or in a build without CUDA.
std::vector<DeviceInfo> visible_devices();

// What this program's kernels were built for, in CMake's terms: "80-real,90-real". Empty in a build without
// CUDA.
std::string built_architectures();

}  // namespace ropeway
