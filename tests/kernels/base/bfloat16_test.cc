#include <c10/util/BFloat16.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "kernels/base/dtype.h"
#include "kernels/base/element.h"
#include "kernels/base/random.h"

namespace ropeway {
namespace {

void expect_same_rounding(uint32_t float_bits) {
  const float value = std::bit_cast<float>(float_bits);
  const uint16_t theirs = c10::BFloat16(value).x;
  bfloat16 stored;
  store_element(&stored, value);
  if (std::isnan(value)) {
    ASSERT_TRUE(std::isnan(static_cast<float>(bfloat16(value)))) << std::hex << float_bits;
    ASSERT_TRUE(std::isnan(load_element(&stored))) << std::hex << float_bits;
  } else {
    ASSERT_EQ(bfloat16(value).bits, theirs) << std::hex << float_bits;
    ASSERT_EQ(stored.bits, theirs) << std::hex << float_bits;
  }
}

TEST(BFloat16, EveryPatternReadsAsTheSameFloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    bfloat16 ours;
    ours.bits = static_cast<uint16_t>(bits);
    const float theirs = c10::BFloat16(static_cast<uint16_t>(bits), c10::BFloat16::from_bits());
    ASSERT_EQ(std::bit_cast<uint32_t>(static_cast<float>(ours)), std::bit_cast<uint32_t>(theirs))
        << std::hex << bits;
    ASSERT_EQ(std::bit_cast<uint32_t>(load_element(&ours)), std::bit_cast<uint32_t>(theirs))
        << std::hex << bits;
  }
}

// Just below, at and just above the midpoint between neighbours, for every upper half: ties, overflow and NaN
// included.
TEST(BFloat16, RoundsLikeTorchAroundEveryMidpoint) {
  for (uint32_t upper = 0; upper < 65536; ++upper) {
    for (uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      expect_same_rounding(upper << 16 | lower);
    }
  }
}

TEST(BFloat16, RoundsLikeTorchOnRandomPatterns) {
  Philox random(3, Stream::kInit);
  for (int i = 0; i < 1000000; ++i) expect_same_rounding(random.next_u32());
}

}  // namespace
}  // namespace ropeway
