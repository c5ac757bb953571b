// libtorch's CUDA half: loaded when a run asks for a GPU, not before. Loading it brings cuBLAS, cuDNN, cuFFT
// and NCCL into the process, a gigabyte of libraries that a run on CPUs neither needs nor should wait for;
// our own kernels are part of the program and need the CUDA runtime only, which libtorch_cpu needs anyhow.
// That is less machinery than a plug-in of our own or a second program, and there is one place that can tell
// what is missing.
#pragma once

#include <c10/core/Device.h>

#include <string>

#include "kernels/base/cuda_stream.h"

namespace ropeway::ops {

// Why tensors cannot live on a GPU in this process; empty if they can. Loads the library at the first call,
// which must come before any other thread uses tensors.
std::string why_no_cuda();

// Throws kLauncher with that reason if there is one.
void require_cuda();

// The stream that work on `device` is queued on at present. A rank works on one device: kernels are launched
// on the current one, and a tensor elsewhere is a defect (kInternal).
CudaStream current_cuda_stream(c10::Device device);

}  // namespace ropeway::ops
