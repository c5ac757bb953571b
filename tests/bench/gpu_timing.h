// What the benchmarks of GPU code share: tensors on the device, and the time of queued work by CUDA events.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <functional>

#include "kernels/ops/cuda_backend.h"

namespace ropeway::bench {

inline at::TensorOptions on_gpu(at::ScalarType type) { return at::TensorOptions(type).device(at::kCUDA); }

inline at::Tensor random(at::IntArrayRef sizes, at::ScalarType type = at::kBFloat16) {
  at::Tensor x = at::empty(sizes, on_gpu(type));
  return x.normal_();
}

// Seconds a call, over calls that follow each other without a pause.
inline double seconds(const std::function<void()>& run, int warm_up = 5, int calls = 30) {
  return ops::cuda_seconds_per_call(at::Device(at::kCUDA, 0), run, warm_up, calls);
}

}  // namespace ropeway::bench
