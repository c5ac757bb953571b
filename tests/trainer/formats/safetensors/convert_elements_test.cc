// Between the floating-point types of weights.
#include "trainer/formats/safetensors/convert_elements.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/support/folder_test.h"

namespace ropeway {
namespace {

template <typename To, typename From>
std::vector<To> converted(const std::vector<From>& in, DType from, DType to) {
  // One byte further than aligned: tensors of a file lie anywhere.
  std::vector<char> shifted(in.size() * sizeof(From) + 1);
  std::memcpy(shifted.data() + 1, in.data(), in.size() * sizeof(From));
  std::vector<To> out(in.size());
  EXPECT_EQ(convert_elements(shifted.data() + 1, from, out.data(), to, static_cast<int64_t>(in.size())), -1);
  return out;
}

const std::vector<float> kValues = {0.0f, -0.0f, 1.0f, -1.5f, 3.14159265f, 1e-3f, 65504.0f, 1e-8f};

TEST(ConvertElements, NarrowingRoundsToNearest) {
  // By hand: pi is 0x40490fdb in F32, 0x4049 in BF16, 0x4248 in F16; 1e-3 is 0x3a83126f, 0x3a83, 0x1419.
  const auto bf16 = converted<uint16_t>(kValues, DType::kF32, DType::kBF16);
  EXPECT_EQ(bf16, (std::vector<uint16_t>{0, 0x8000, 0x3f80, 0xbfc0, 0x4049, 0x3a83, 0x4780, 0x322c}));
  const auto f16 = converted<uint16_t>(kValues, DType::kF32, DType::kF16);
  EXPECT_EQ(f16, (std::vector<uint16_t>{0, 0x8000, 0x3c00, 0xbe00, 0x4248, 0x1419, 0x7bff, 0}));
}

TEST(ConvertElements, WideningIsExact) {
  for (const auto& [type, width] : {std::pair{DType::kBF16, 8}, {DType::kF16, 11}}) {
    const auto narrow = converted<uint16_t>(kValues, DType::kF32, type);
    const auto wide = converted<float>(narrow, type, DType::kF32);
    EXPECT_EQ(converted<uint16_t>(wide, DType::kF32, type), narrow);
    EXPECT_NEAR(wide[4], kValues[4], std::ldexp(4.0, -width - 1)) << width;
  }
}

TEST(ConvertElements, DoublesAreRoundedOnce) {
  const std::vector<double> values = {1.0 + 0x1p-30, 0.1, -1e300};
  std::vector<float> out(3);
  EXPECT_EQ(convert_elements(values.data(), DType::kF64, out.data(), DType::kF32, 3), 2);
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], 0.1f);
}

TEST(ConvertElements, TheFirstValueOutOfRangeIsReported) {
  const std::vector<float> values = {1.0f, 65519.0f, -65520.0f, 1e9f};
  std::vector<uint16_t> out(4);
  EXPECT_EQ(convert_elements(values.data(), DType::kF32, out.data(), DType::kF16, 4), 2);
  EXPECT_EQ(convert_elements(values.data(), DType::kF32, out.data(), DType::kBF16, 4), -1);
  const std::vector<float> largest = {std::numeric_limits<float>::max()};
  EXPECT_EQ(convert_elements(largest.data(), DType::kF32, out.data(), DType::kBF16, 1), 0);
}

TEST(ConvertElements, WhatWasNotFiniteStaysSo) {
  const std::vector<float> values = {std::numeric_limits<float>::infinity(),
                                     -std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
  const auto half = converted<uint16_t>(values, DType::kF32, DType::kF16);
  const auto back = converted<float>(half, DType::kF16, DType::kF32);
  EXPECT_EQ(back[0], values[0]);
  EXPECT_EQ(back[1], values[1]);
  EXPECT_TRUE(std::isnan(back[2]));
}

}  // namespace
}  // namespace ropeway
