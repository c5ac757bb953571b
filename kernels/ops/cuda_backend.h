// libtorch's CUDA half: loaded when a run asks for a GPU, not before. Loading it brings cuBLAS, cuDNN,
// cuFFT and NCCL into the process, a gigabyte of libraries that a run on CPUs neither needs nor should wait
// for; our own kernels are part of the program and need the CUDA runtime only, which libtorch_cpu needs
// anyhow. That is less machinery than a plug-in of our own or a second program, and there is one place
// that can tell what is missing.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

#include "kernels/base/cuda_stream.h"

namespace ropeway::ops {

// Why tensors cannot live on a GPU in this process; empty if they can. Loads the library at the first call,
// which must come before any other thread uses tensors.
std::string why_no_cuda();

// Throws kLauncher with that reason if there is one.
void require_cuda();

// The stream that work on `device` is queued on at present. A rank works on one device: kernels are launched
// on the current device, and a tensor on another is a defect (kInternal).
CudaStream current_cuda_stream(c10::Device device);

// Makes the GPU of this number the calling thread's current one, after require_cuda().
c10::Device use_cuda_device(int index);

// Seconds per call on the device, by its own clock, over calls that follow each other without a pause; the
// first `warm_up` calls are not counted.
double cuda_seconds_per_call(c10::Device device, const std::function<void()>& call, int warm_up, int calls);

}  // namespace ropeway::ops
