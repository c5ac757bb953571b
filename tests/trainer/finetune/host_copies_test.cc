#include "trainer/finetune/host_copies.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

namespace ropeway {
namespace {

TEST(HostCopies, StayAsTheyAreWhileTheOriginalChanges) {
  HostCopies copies;
  const at::Tensor original = at::arange(300'000, at::kFloat);
  const at::Tensor wanted = original.clone();
  const at::Tensor copy = copies.copy(original);
  original.zero_();
  EXPECT_TRUE(at::equal(copy, wanted));
}

TEST(HostCopies, TakeTheSameMemoryAgain) {
  HostCopies copies;
  const at::Tensor a = at::ones({1000}, at::kFloat), b = at::ones({10}, at::kBFloat16);
  const void* first = copies.copy(a).data_ptr();
  const void* second = copies.copy(b).data_ptr();
  EXPECT_NE(first, second);
  copies.start_over();
  EXPECT_EQ(copies.copy(a).data_ptr(), first);
  EXPECT_EQ(copies.copy(b).data_ptr(), second);
  copies.start_over();
  EXPECT_EQ(copies.copy(at::ones({10}, at::kDouble)).scalar_type(), at::kDouble);
}

TEST(HostCopies, OfAPartAreAPartOfTheCopyOfTheWhole) {
  HostCopies copies;
  const at::Tensor whole = at::arange(100, at::kFloat), middle = whole.narrow(0, 5, 90);
  const at::Tensor copy = copies.copy(middle);
  const at::Tensor part = copies.copy(whole.narrow(0, 20, 12).view({3, 4}));
  EXPECT_EQ(part.data_ptr(), copy.narrow(0, 15, 12).data_ptr());
  EXPECT_TRUE(at::equal(part.flatten(), whole.narrow(0, 20, 12)));
  // One that begins before it, or has other elements, is no part of it.
  EXPECT_TRUE(at::equal(copies.copy(whole.narrow(0, 4, 10)), whole.narrow(0, 4, 10)));
  EXPECT_TRUE(at::equal(copies.copy(whole.view(at::kBFloat16)), whole.view(at::kBFloat16)));
}

TEST(HostCopies, SayWhatTheyWillTake) {
  HostCopies copies;
  const at::Tensor whole = at::ones({1000}, at::kFloat), part = whole.narrow(0, 10, 20);
  const at::Tensor other = at::ones({100}, at::kDouble);
  EXPECT_EQ(copies.bytes_to_take({whole, part, other}), 4800);
  copies.copy(whole);
  copies.copy(part);
  copies.copy(other);
  EXPECT_EQ(copies.bytes_to_take({whole, part, other}), 0);
  EXPECT_EQ(copies.bytes_to_take({whole, part, at::ones({101}, at::kDouble), other}), 808 + 800);
}

TEST(HostCopies, KnowWhetherAllNumbersAreFinite) {
  const int64_t size = (1 << 18) + 7;
  for (const int64_t at : {int64_t{0}, int64_t{1 << 17}, size - 1}) {
    HostCopies copies;
    copies.copy(at::ones({size}, at::kFloat));
    EXPECT_TRUE(copies.finite());
    const at::Tensor bad = at::ones({size}, at::kFloat);
    bad.narrow(0, at, 1).fill_(std::numeric_limits<float>::infinity());
    copies.copy(bad);
    copies.copy(at::ones({3}, at::kFloat));
    EXPECT_FALSE(copies.finite()) << at;
    copies.start_over();
    copies.copy(at::zeros({size}, at::kFloat));
    EXPECT_TRUE(copies.finite());
  }
}

}  // namespace
}  // namespace ropeway
