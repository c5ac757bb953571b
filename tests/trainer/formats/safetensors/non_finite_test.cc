#include "trainer/formats/safetensors/non_finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/base/float16.h"

namespace ropeway {
namespace {

template <typename T>
int64_t count_of(DType dtype) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float numbers[] = {0, -1, 65504, 1e-7f, std::nanf(""), -std::nanf(""), kInfinity, -kInfinity};
  std::string bytes = "x";  // no element lies at an address of its size
  for (const float number : numbers) {
    const T value(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return count_non_finite(bytes.data() + 1, dtype, std::size(numbers));
}

TEST(NonFinite, NanAndInfinitiesOfEverySignAndTypeAreCounted) {
  EXPECT_EQ(count_of<double>(DType::kF64), 4);
  EXPECT_EQ(count_of<float>(DType::kF32), 4);
  EXPECT_EQ(count_of<float16>(DType::kF16), 4);
  EXPECT_EQ(count_of<bfloat16>(DType::kBF16), 4);
  const int32_t integer = -1;
  EXPECT_EQ(count_non_finite(&integer, DType::kI32, 1), 0);
}

// Read in pieces, and twice as where what was written is compared: the count is of one reading.
TEST(NonFinite, AreCountedWhileSomebodyElseReads) {
  const std::vector<float> bad = {1, std::nanf(""), 2, std::numeric_limits<float>::infinity()}, good = {1, 2};
  const auto stream = [](const std::string& name, const std::vector<float>& values) {
    return TensorStream{
        name, DType::kF32, {static_cast<int64_t>(values.size())}, [&values](const PutBytes& put) {
          for (const float& value : values) put(&value, sizeof value);
        }};
  };
  const CountedTensors counted({stream("bad", bad), stream("good", good)});
  EXPECT_TRUE(counted.non_finite().empty()) << "nobody has read them";
  for (int reading = 0; reading < 2; ++reading) {
    std::vector<float> read;
    for (const TensorStream& tensor : counted.tensors()) {
      tensor.produce([&](const void* data, int64_t) { read.push_back(*static_cast<const float*>(data)); });
    }
    EXPECT_EQ(read.size(), bad.size() + good.size());
    ASSERT_EQ(counted.non_finite().size(), 1u);
    EXPECT_EQ(counted.non_finite()[0].name, "bad");
    EXPECT_EQ(counted.non_finite()[0].count, 2);
  }
}

TEST(NonFinite, AreListedByTensorUpToTen) {
  std::vector<NonFiniteTensor> tensors = {{"a", 1}, {"b", 20}};
  EXPECT_EQ(describe_non_finite(tensors), "a: 1 value, b: 20 values");
  EXPECT_EQ(describe_non_finite({}), "");
  tensors.resize(12, {"c", 2});
  EXPECT_TRUE(describe_non_finite(tensors).ends_with("c: 2 values, 12 tensors in all"));
}

}  // namespace
}  // namespace ropeway
