// CUDA's status codes turned into errors. Present in every build; without CUDA every call says so.
#pragma once

#include <string>

namespace ropeway::cuda {

// After a launch: throws kInternal with the kernel's name when the launch was refused. A fault inside an
// earlier kernel shows up here too, as CUDA reports it with the next call.
void check_launch(const char* kernel);

// Throws when `status`, a cudaError_t, is not success: kMemory when the device has no more, else kInternal.
void check_status(const char* operation, int status);

// Why CUDA kernels cannot run in this process ("built without CUDA", "no CUDA driver", ...); empty if they
// can. Asks the driver once; takes no memory on the device.
std::string why_unavailable();

// What stands in for a CUDA kernel in a build without CUDA: throws kInternal.
[[noreturn]] void built_without_cuda(const char* kernel);

}  // namespace ropeway::cuda
