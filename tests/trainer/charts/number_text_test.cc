#include "trainer/charts/number_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway::charts {
namespace {

TEST(NumberText, LengthsAreWrittenInPowersOfTwo) {
  EXPECT_EQ(length_text(256), "256");
  EXPECT_EQ(length_text(1024), "1K");
  EXPECT_EQ(length_text(16384), "16K");
  EXPECT_EQ(length_text(2 * 1024 * 1024), "2M");
  EXPECT_EQ(length_text(1500), "1500");
}

TEST(NumberText, DurationsHaveTwoUnitsAtMost) {
  EXPECT_EQ(duration_text(0.44), "0.4 s");
  EXPECT_EQ(duration_text(12.4), "12 s");
  EXPECT_EQ(duration_text(59.6), "1 min 00 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
  EXPECT_EQ(duration_text(4 * 86400), "4 d 00 h");
  EXPECT_EQ(duration_text(std::nan("")), "-");
}

TEST(NumberText, FiguresHaveSignificantDigits) {
  EXPECT_EQ(figure_text(1.23456), "1.235");
  EXPECT_EQ(figure_text(12.3456), "12.35");
  EXPECT_EQ(figure_text(0.0123456), "0.0123");
  EXPECT_EQ(figure_text(5e-5), "5.000e-05");
  EXPECT_EQ(figure_text(INFINITY), "-");
  EXPECT_EQ(count_text(7295.02), "7.3k");
  EXPECT_EQ(count_text(950), "950");
  EXPECT_EQ(count_text(1.25e6), "1.25M");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(share_text(0.95), "95%");
  EXPECT_EQ(share_text(0.005), "0.5%");
}

}  // namespace
}  // namespace ropeway::charts
