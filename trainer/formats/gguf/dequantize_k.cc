// Block layouts, in order of bytes (d, dmin: binary16; s: sub-block, e: element of the block):
//   Q4_K  d, dmin, scales[12], q[128]         x = (d * scale_s) * q - dmin * min_s         s = e / 32
//   Q5_K  d, dmin, scales[12], h[32], q[128]  the same with q + 16 * bit; bit s of h[e % 32]
//         q: 4 groups of 32 bytes; low nibbles are the group's first 32 elements, high ones its last
//         scales: 8 scales and 8 minima of 6 bits: [0..3] scales 0-3, [4..7] minima 0-3 (low 6 bits); the low
//         4 bits of scales and minima 4-7 are the nibbles of [8..11], their high 2 the top bits of [0..7]
//   Q6_K  ql[128], qh[64], scales[16] signed, d   x = (d * scale_s) * (q - 32)             s = e / 16
//         two halves of 128: ql nibbles (64 bytes: low for elements 0-63, high for 64-127), qh 2 bits
//         (32 bytes: bits 0-1 for elements 0-31, 2-3 for 32-63, ...)
#include "trainer/formats/gguf/dequantize_k.h"

#include <cstdint>
#include <cstring>

#include "kernels/base/float16.h"

namespace ropeway {
namespace {

constexpr int kSub = 32;

float half_at(const std::byte* from) {
  float16 half;
  std::memcpy(&half, from, sizeof half);
  return half;
}

uint32_t byte_at(const std::byte* from, int index) { return static_cast<uint32_t>(from[index]); }

struct ScaleAndMinimum {
  uint32_t scale, minimum;
};

ScaleAndMinimum sub_block_scale(const std::byte* scales, int s) {
  if (s < 4) return {byte_at(scales, s) & 63u, byte_at(scales, 4 + s) & 63u};
  const uint32_t low = byte_at(scales, 4 + s);
  return {(low & 15u) | (byte_at(scales, s - 4) >> 6) << 4, low >> 4 | (byte_at(scales, s) >> 6) << 4};
}

// `high` is null in Q4_K.
void dequantize_q45_k(const std::byte* block, const std::byte* high, const std::byte* q, float* out) {
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int s = 0; s < 8; ++s) {
    const ScaleAndMinimum packed = sub_block_scale(block + 4, s);
    const float scale = d * static_cast<float>(packed.scale);
    const float minimum = dmin * static_cast<float>(packed.minimum);
    for (int k = 0; k < kSub; ++k) {
      const uint32_t byte = byte_at(q, s / 2 * kSub + k);
      uint32_t quant = s % 2 == 0 ? byte & 15u : byte >> 4;
      if (high != nullptr) quant |= (byte_at(high, k) >> s & 1u) << 4;
      const float product = scale * static_cast<float>(quant);
      out[s * kSub + k] = product - minimum;
    }
  }
}

}  // namespace

void dequantize_q4_k(const std::byte* block, float* out) {
  dequantize_q45_k(block, nullptr, block + 16, out);
}

void dequantize_q5_k(const std::byte* block, float* out) {
  dequantize_q45_k(block, block + 16, block + 48, out);
}

void dequantize_q6_k(const std::byte* block, float* out) {
  const std::byte *low = block, *high = block + 128, *scales = block + 192;
  const float d = half_at(block + 208);
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128, within = e % 128;
    const uint32_t nibble = byte_at(low, half * 64 + within % 64) >> (within < 64 ? 0 : 4) & 15u;
    const uint32_t top = byte_at(high, half * 32 + within % 32) >> (within / 32 * 2) & 3u;
    const auto scale = static_cast<int8_t>(byte_at(scales, e / 16));
    out[e] = d * static_cast<float>(scale) * static_cast<float>(static_cast<int>(nibble | top << 4) - 32);
  }
}

}  // namespace ropeway
