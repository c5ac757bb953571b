// The types without K, and the choice between all of them. Block layouts, in order of bytes (d and m are
// binary16; q[j] low and high nibble belong to elements j and j + 16):
//   Q4_0  d, q[16]            x = d * (q - 8)
//   Q4_1  d, m, q[16]         x = d * q + m
//   Q5_0  d, h, q[16]         x = d * (q + 16 * bit - 16)      h: 32 bits, bit i for element i
//   Q5_1  d, m, h, q[16]      x = d * (q + 16 * bit) + m
//   Q8_0  d, q[32] signed     x = q * d                        d = max |x| / 127, q = x / d rounded
#include "trainer/formats/gguf/dequantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/base/dtype.h"
#include "kernels/base/error.h"
#include "kernels/base/float16.h"
#include "trainer/formats/gguf/dequantize_k.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF data is read as it lies in memory");

constexpr int64_t kBlock = 32, kHalf = kBlock / 2;

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Nibble blocks: d, [m], [h], q[16]. Without m the quants are centred on `middle`.
template <bool kHasMinimum, bool kHasFifthBit>
void dequantize_nibbles(const std::byte* block, float* out) {
  const float d = load<float16>(block);
  const std::byte* next = block + 2;
  float minimum = 0;
  if constexpr (kHasMinimum) {
    minimum = load<float16>(next);
    next += 2;
  }
  uint32_t fifth = 0;
  if constexpr (kHasFifthBit) {
    fifth = load<uint32_t>(next);
    next += 4;
  }
  constexpr int kMiddle = kHasMinimum ? 0 : (kHasFifthBit ? 16 : 8);
  for (int64_t i = 0; i < kBlock; ++i) {
    const auto byte = static_cast<uint32_t>(next[i % kHalf]);
    uint32_t q = i < kHalf ? byte & 15u : byte >> 4;
    if constexpr (kHasFifthBit) q |= (fifth >> i & 1u) << 4;
    const float product = d * static_cast<float>(static_cast<int>(q) - kMiddle);
    out[i] = kHasMinimum ? product + minimum : product;
  }
}

void dequantize_q8_0(const std::byte* block, float* out) {
  const float d = load<float16>(block);
  for (int64_t i = 0; i < kBlock; ++i) out[i] = static_cast<float>(load<int8_t>(block + 2 + i)) * d;
}

bool quantize_q8_0(const float* in, std::byte* block) {
  float highest = 0;
  for (int64_t i = 0; i < kBlock; ++i) {
    if (!std::isfinite(in[i])) return false;
    highest = std::max(highest, std::fabs(in[i]));
  }
  const float d = highest / 127;
  const float inverse = d == 0 ? 0 : 1 / d;
  const float16 stored(d);
  if (!std::isfinite(static_cast<float>(stored))) return false;
  std::memcpy(block, &stored, sizeof stored);
  for (int64_t i = 0; i < kBlock; ++i) {
    // 1 / d overflows for blocks below 2^-121 or so: they are zero in binary16 whatever the quants.
    const float scaled = std::isfinite(inverse) ? in[i] * inverse : 0;
    const auto q = static_cast<int8_t>(std::round(scaled));  // halves away from zero
    std::memcpy(block + 2 + i, &q, 1);
  }
  return true;
}

using Block = void (*)(const std::byte*, float*);

Block block_function(GgmlType type) {
  switch (type) {
    case GgmlType::kQ4_0:
      return dequantize_nibbles<false, false>;
    case GgmlType::kQ4_1:
      return dequantize_nibbles<true, false>;
    case GgmlType::kQ5_0:
      return dequantize_nibbles<false, true>;
    case GgmlType::kQ5_1:
      return dequantize_nibbles<true, true>;
    case GgmlType::kQ8_0:
      return dequantize_q8_0;
    case GgmlType::kQ4_K:
      return dequantize_q4_k;
    case GgmlType::kQ5_K:
      return dequantize_q5_k;
    case GgmlType::kQ6_K:
      return dequantize_q6_k;
    case GgmlType::kF32:
    case GgmlType::kF16:
    case GgmlType::kBF16:
      break;
  }
  ROPEWAY_CHECK(false, "ggml type {} has no blocks", static_cast<uint32_t>(type));
  return nullptr;
}

}  // namespace

int64_t ggml_row_bytes(GgmlType type, int64_t elements) {
  const GgmlLayout& layout = layout_of(type);
  ROPEWAY_CHECK(elements % layout.block_elements == 0, "a row of {} elements of {}", elements, layout.name);
  return elements / layout.block_elements * layout.block_bytes;
}

void dequantize_row(GgmlType type, const std::byte* row, int64_t elements, float* out) {
  switch (type) {
    case GgmlType::kF32:
      std::memcpy(out, row, static_cast<size_t>(elements) * sizeof(float));
      return;
    case GgmlType::kF16:
      for (int64_t i = 0; i < elements; ++i) out[i] = load<float16>(row + 2 * i);
      return;
    case GgmlType::kBF16:
      for (int64_t i = 0; i < elements; ++i) out[i] = load<bfloat16>(row + 2 * i);
      return;
    default:
      break;
  }
  const GgmlLayout& layout = layout_of(type);
  const Block dequantize = block_function(type);
  for (int64_t i = 0; i < elements; i += layout.block_elements, row += layout.block_bytes) {
    dequantize(row, out + i);
  }
}

bool quantize_row(GgmlType type, const float* row, int64_t elements, std::byte* out) {
  bool fits = true;
  switch (type) {
    case GgmlType::kF32:
      std::memcpy(out, row, static_cast<size_t>(elements) * sizeof(float));
      return true;
    case GgmlType::kF16:
      for (int64_t i = 0; i < elements; ++i) {
        const float16 half(row[i]);
        fits = fits && std::isfinite(static_cast<float>(half));
        std::memcpy(out + 2 * i, &half, sizeof half);
      }
      return fits;
    case GgmlType::kBF16:
      for (int64_t i = 0; i < elements; ++i) {
        const bfloat16 rounded(row[i]);
        std::memcpy(out + 2 * i, &rounded, sizeof rounded);
      }
      return true;
    case GgmlType::kQ8_0: {
      const GgmlLayout& layout = layout_of(type);
      for (int64_t i = 0; i < elements; i += kBlock, out += layout.block_bytes) {
        fits = quantize_q8_0(row + i, out) && fits;
      }
      return fits;
    }
    default:
      break;
  }
  ROPEWAY_CHECK(false, "nothing is written in {}", layout_of(type).name);
  return false;
}

}  // namespace ropeway
