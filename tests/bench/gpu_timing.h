// What the benchmarks of GPU code share: tensors on the device, and the time of queued work by CUDA events.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <cuda_runtime_api.h>

#include <functional>

#include "kernels/base/cuda_status.h"
#include "kernels/ops/cuda_backend.h"

namespace ropeway::bench {

inline at::TensorOptions on_gpu(at::ScalarType type) { return at::TensorOptions(type).device(at::kCUDA); }

inline at::Tensor random(at::IntArrayRef sizes, at::ScalarType type = at::kBFloat16) {
  at::Tensor x = at::empty(sizes, on_gpu(type));
  return x.normal_();
}

// Seconds a call, over calls that follow each other without a pause.
inline double seconds(const std::function<void()>& run, int warm_up = 5, int calls = 30) {
  cudaEvent_t begin, end;
  cuda::check_status("cudaEventCreate", cudaEventCreate(&begin));
  cuda::check_status("cudaEventCreate", cudaEventCreate(&end));
  const CudaStream stream = ops::current_cuda_stream(at::Device(at::kCUDA, 0));
  for (int i = 0; i < warm_up; ++i) run();
  cuda::check_status("cudaEventRecord", cudaEventRecord(begin, stream));
  for (int i = 0; i < calls; ++i) run();
  cuda::check_status("cudaEventRecord", cudaEventRecord(end, stream));
  cuda::check_status("cudaEventSynchronize", cudaEventSynchronize(end));
  float milliseconds = 0;
  cuda::check_status("cudaEventElapsedTime", cudaEventElapsedTime(&milliseconds, begin, end));
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return milliseconds * 1e-3 / calls;
}

}  // namespace ropeway::bench
