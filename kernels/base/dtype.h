// Element types of tensors in memory and in files, and bfloat16 as a plain value type that needs
// no tensor library.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ropeway {

enum class DType : int { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

int64_t bytes_of(DType dtype);
std::string_view name_of(DType dtype);  // "F64", "F32", "BF16", ... as in safetensors headers

// The upper half of an IEEE float32. Arithmetic is done in float; storing rounds to nearest, ties to even.
struct bfloat16 {
  uint16_t bits = 0;

  bfloat16() = default;
  explicit bfloat16(float value) {
    uint32_t u;
    std::memcpy(&u, &value, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<uint16_t>((u >> 16) | 0x0040u);  // keep a NaN a NaN
    } else {
      bits = static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
  }
  operator float() const {
    const uint32_t u = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &u, sizeof value);
    return value;
  }
};

}  // namespace ropeway
