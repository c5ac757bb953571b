#include "kernels/ops/fingerprint.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace ropeway::ops {
namespace {

TEST(Fingerprint, EveryBitCounts) {
  std::vector<std::byte> bytes(200);
  std::mt19937 random(1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  std::set<uint64_t> seen = {fingerprint(bytes)};
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_TRUE(seen.insert(fingerprint(bytes)).second) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

TEST(Fingerprint, OrderAndLengthCount) {
  const std::vector<std::byte> none(64, std::byte{0}), more(72, std::byte{0});
  EXPECT_NE(fingerprint(none), fingerprint(more));
  std::vector<std::byte> ab(128, std::byte{0}), ba = ab;
  ab[3] = std::byte{1};
  ba[67] = std::byte{1};  // the same lane
  EXPECT_NE(fingerprint(ab), fingerprint(ba));
}

TEST(Fingerprint, IsThatOfTheTensorsBytes) {
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const at::Tensor tensor = at::randn({3, 37}).to(type);
    const auto bytes = std::span(static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes());
    EXPECT_EQ(fingerprint(tensor), fingerprint(bytes));
    EXPECT_EQ(fingerprint(tensor), fingerprint(tensor.clone()));
    at::Tensor other = tensor.clone();
    static_cast<char*>(other.mutable_data_ptr())[tensor.nbytes() - 1] ^= 1;
    EXPECT_NE(fingerprint(tensor), fingerprint(other));
  }
  EXPECT_EQ(fingerprint(at::zeros({0})), fingerprint(std::span<const std::byte>()));
}

}  // namespace
}  // namespace ropeway::ops
