#include "launch/device_options.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kDriverBytes = 2 * kGiB;

double positive(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) return 0;
  const double value = values[name].as<double>();
  if (!(value > 0) || !(value < 1e9))
    fail(ErrorKind::kUsage, "--{} {}: wanted a number above 0", name, value);
  return value;
}

}  // namespace

DeviceRates read_device(const po::variables_map& values, const std::string& fallback) {
  DeviceRates device = find_device(values.count("gpu") > 0 ? values["gpu"].as<std::string>() : fallback);
  if (const double rate = positive(values, "tflops"); rate > 0) {
    device.product = rate;
    device.attention.clear();
    device.source = "one rate for everything, as given";
  }
  if (const double gib = positive(values, "memory"); gib > 0) {
    device.memory_bytes = static_cast<int64_t>(gib * static_cast<double>(kGiB));
  }
  return device;
}

int64_t usable_memory(const DeviceRates& device) {
  if (!device.is_gpu()) return device.memory_bytes;
  return std::max<int64_t>(1, device.memory_bytes - kDriverBytes);
}

}  // namespace ropeway
