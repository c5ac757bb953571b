// A pretend GPU: a shared library that takes the place of the CUDA runtime, cuBLAS and cuDNN, so that
// libtorch's CUDA half and this program run where there is no GPU. Its memory is memory of the host, its
// kernels and matrix products do nothing: what a device computes stays what it was (zero at first).
//
// What it shows: everything around the arithmetic, for real. The choice of the device, libtorch's dispatcher
// and its checks of devices and types, its caching allocator (bytes to the byte), copies, launch
// configurations, streams and events, waits of the host, the end of the device's memory. What it cannot show:
// a single number, a kernel that reads beyond its rows, the order of work on streams
// (tests/parallel/fake_device.h does that), speed. A test that passes here has not run on a GPU.
//
// What no GPU would stand ends the process with kComplaintExit and a stack trace on stderr: a host pointer
// where device memory is wanted or the other way round, a copy or a matrix beyond its allocation, a launch no
// device takes, use of what was freed or destroyed. Device addresses cannot be read by host code: it crashes,
// as it would.
//
// In use: LD_PRELOAD=build/release/lib/pretend_gpu/libcuda.so.1 PROGRAM, or linked by a test before
// everything else. Environment:
//   PRETEND_GPU_COUNT       devices (1; 0: none, as on a machine with a driver and no GPU)
//   PRETEND_GPU_MEMORY      MiB on each (81559, an H100's)
//   PRETEND_GPU_CAPABILITY  compute capability (90)
//   PRETEND_GPU_CUDNN       cuDNN's version (that of the headers this was built with)
//   PRETEND_GPU_REPORT      a file to write the counts to as the process ends, JSON
#pragma once

#include <cstdint>

namespace ropeway::pretend {

constexpr int kComplaintExit = 99;

// What this process did so far.
struct Counts {
  int64_t launches = 0;      // of kernels
  int64_t products = 0;      // of matrices, through cuBLAS
  int64_t copies = 0;        // and fills
  int64_t waits = 0;         // of the host: for a stream, an event, the device, a copy that is not queued
  int64_t device_bytes = 0;  // taken from the device, in pages of 2 MiB
  int64_t device_peak = 0;
  int64_t pinned_bytes = 0;  // host memory for copies
  int64_t pinned_peak = 0;
};

Counts counts();
// The peaks from here on.
void reset_peaks();

}  // namespace ropeway::pretend
