// Checks and dispatch that all files of this folder share: typed pointers into tensors, and one call per
// element type.
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

// [rows, columns] with columns next to each other; rows may be any distance apart.
inline void check_rows(const char* operation, const char* name, const at::Tensor& tensor, at::ScalarType type,
                       int64_t rows, int64_t columns) {
  ROPEWAY_CHECK(tensor.defined() && tensor.device().is_cpu() && tensor.scalar_type() == type &&
                    tensor.dim() == 2 && tensor.size(0) == rows && tensor.size(1) == columns &&
                    (tensor.stride(1) == 1 || tensor.numel() == 0 || columns == 1),
                "{}: {} must be a CPU tensor [{}, {}] of {} with contiguous rows", operation, name, rows,
                columns, c10::toString(type));
}

// Contiguous, with exactly `count` elements.
inline void check_flat(const char* operation, const char* name, const at::Tensor& tensor, at::ScalarType type,
                       int64_t count) {
  ROPEWAY_CHECK(tensor.defined() && tensor.device().is_cpu() && tensor.scalar_type() == type &&
                    tensor.numel() == count && tensor.is_contiguous(),
                "{}: {} must be a contiguous CPU tensor of {} elements of {}", operation, name, count,
                c10::toString(type));
}

}  // namespace ropeway::ops
