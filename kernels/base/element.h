// Reading and writing tensor elements of any activation type inside vector loops. Kernels compute in acc
// type: double for double, float for everything narrower.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/base/dtype.h"
#include "kernels/base/host_device.h"

namespace ropeway {

// X(T) for every activation type: the list that kernels are instantiated from.
#define ROPEWAY_FOR_ACTIVATION_TYPES(X) X(double) X(float) X(bfloat16)

template <typename T>
using accumulation_t = std::conditional_t<std::is_same_v<T, double>, double, float>;

ROPEWAY_HOST_DEVICE double load_element(const double* from) { return *from; }
ROPEWAY_HOST_DEVICE float load_element(const float* from) { return *from; }
ROPEWAY_HOST_DEVICE float load_element(const bfloat16* from) {
  const uint32_t bits = static_cast<uint32_t>(from->bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

ROPEWAY_HOST_DEVICE void store_element(double* to, double value) { *to = value; }
ROPEWAY_HOST_DEVICE void store_element(float* to, float value) { *to = value; }
// Same rounding as bfloat16's constructor, written as a selection so that it vectorises.
ROPEWAY_HOST_DEVICE void store_element(bfloat16* to, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet_nan = (bits >> 16) | 0x0040u;
  to->bits = static_cast<uint16_t>(value != value ? quiet_nan : rounded);
}

// First element of a row of a matrix whose rows are `stride` elements apart. 64-bit: rows * stride
// passes 2^31 in ordinary use.
template <typename T>
ROPEWAY_HOST_DEVICE T* row_pointer(T* base, int64_t row, int64_t stride) {
  return base + row * stride;
}

}  // namespace ropeway
