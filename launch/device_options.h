// Options that say on what a plan is to run: --gpu, --memory, --tflops.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "trainer/plan/device_rates.h"

namespace ropeway {

// fallback: the device where --gpu is not given. Throws kUsage.
DeviceRates read_device(const boost::program_options::variables_map& values, const std::string& fallback);

// Of a rank, without what a GPU's driver takes; 0: unknown.
int64_t usable_memory(const DeviceRates& device);

}  // namespace ropeway
