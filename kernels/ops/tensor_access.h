// Checks and dispatch that all files of this folder share: typed pointers into tensors, one call per element
// type, and which device's kernel to call.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "kernels/base/dtype.h"
#include "kernels/base/element.h"
#include "kernels/base/error.h"

namespace ropeway::ops {

// Pointer to the first element, under the kernels' own name of the element type.
template <typename T>
T* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

// Calls body(T{}) with T = double, float or bfloat16, whatever `type` says.
template <typename Body>
decltype(auto) for_activation_type(at::ScalarType type, const char* operation, const Body& body) {
  switch (type) {
    case at::kDouble:
      return body(double{});
    case at::kFloat:
      return body(float{});
    case at::kBFloat16:
      return body(bfloat16{});
    default:
      fail(ErrorKind::kInternal, "{}: element type {} is none of F64, F32, BF16", operation,
           c10::toString(type));
  }
}

// Whether the CUDA kernel is the one to call; otherwise the CPU's is. No other device has kernels.
inline bool on_cuda(const char* operation, c10::Device device) {
  ROPEWAY_CHECK(device.is_cpu() || device.is_cuda(), "{}: no kernel for device {}", operation, device.str());
  return device.is_cuda();
}

// [rows, columns] with columns next to each other; rows may be any distance apart.
inline void check_rows(const char* operation, const char* name, const at::Tensor& tensor, c10::Device device,
                       at::ScalarType type, int64_t rows, int64_t columns) {
  ROPEWAY_CHECK(tensor.defined() && tensor.device() == device && tensor.scalar_type() == type &&
                    tensor.dim() == 2 && tensor.size(0) == rows && tensor.size(1) == columns &&
                    (tensor.stride(1) == 1 || tensor.numel() == 0 || columns == 1),
                "{}: {} must be a tensor [{}, {}] of {} on {} with contiguous rows", operation, name, rows,
                columns, c10::toString(type), device.str());
}

// Contiguous, with exactly `count` elements.
inline void check_flat(const char* operation, const char* name, const at::Tensor& tensor, c10::Device device,
                       at::ScalarType type, int64_t count) {
  ROPEWAY_CHECK(tensor.defined() && tensor.device() == device && tensor.scalar_type() == type &&
                    tensor.numel() == count && tensor.is_contiguous(),
                "{}: {} must be a contiguous tensor of {} elements of {} on {}", operation, name, count,
                c10::toString(type), device.str());
}

}  // namespace ropeway::ops
