#include <cuda_runtime_api.h>

#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "parallel/device/devices.h"

namespace ropeway {

namespace {

using cuda::check_status;

// CUDA's usual notation: GPU-8-4-4-4-12 hexadecimal digits.
std::string text_of(const cudaUUID_t& uuid) {
  std::string text = "GPU";
  for (int i = 0; i < 16; ++i) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(uuid.bytes[i]));
  }
  return text;
}

}  // namespace

std::vector<DeviceInfo> visible_devices() {
  std::vector<DeviceInfo> devices;
  if (!cuda::why_unavailable().empty()) return devices;
  int count = 0;
  check_status("cudaGetDeviceCount", cudaGetDeviceCount(&count));
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp p;
    check_status("cudaGetDeviceProperties", cudaGetDeviceProperties(&p, i));
    devices.push_back({.index = i,
                       .name = p.name,
                       .uuid = text_of(p.uuid),
                       .capability = p.major * 10 + p.minor,
                       .memory_bytes = static_cast<int64_t>(p.totalGlobalMem)});
  }
  return devices;
}

std::string built_architectures() { return ROPEWAY_CUDA_ARCHITECTURES; }

}  // namespace ropeway
