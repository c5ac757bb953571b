// How much haystack fits: close below the limit, in few looks, whatever the size of a unit.
#include "trainer/tasks/fit_units.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(FitUnits, CloseBelowTheLimit) {
  for (const int64_t limit : {100, 1000, 4096, 131072, 2097152}) {
    for (const double per_unit : {0.3, 1.0, 4.7, 22.0}) {
      int looks = 0;
      const auto size_of = [&](int64_t units) {
        ++looks;
        return static_cast<int64_t>(60 + per_unit * static_cast<double>(units) + 3 * (units % 4));
      };
      const int64_t units = fit_units(1, limit, size_of);
      EXPECT_LE(looks, 16) << limit << " " << per_unit;
      EXPECT_LE(size_of(units), limit);
      EXPECT_GT(size_of(units + std::max<int64_t>(4, units / 64)), limit - 12) << limit << " " << per_unit;
    }
  }
}

TEST(FitUnits, TheSmallestMayBeAllOrTooMuch) {
  EXPECT_EQ(fit_units(5, 100, [](int64_t units) { return 20 * units; }), 5);
  EXPECT_EQ(fit_units(5, 99, [](int64_t units) { return 20 * units; }), -1);
}

// Where there is no more to add, as many as there are is enough.
TEST(FitUnits, WhatEndsEndsTheSearch) {
  const int64_t units = fit_units(1, 1000, [](int64_t count) { return std::min<int64_t>(count, 7) * 10; });
  EXPECT_GE(units, 7);
}

}  // namespace
}  // namespace ropeway
