// Stands in for devices_cuda.cc in builds without CUDA.
#include "parallel/device/devices.h"

namespace ropeway {

std::vector<DeviceInfo> visible_devices() { return {}; }

std::string built_architectures() { return ""; }

}  // namespace ropeway
