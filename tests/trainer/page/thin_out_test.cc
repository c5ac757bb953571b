#include "trainer/page/thin_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace ropeway::page {
namespace {

std::vector<charts::Point> wave(size_t count) {
  std::vector<charts::Point> points;
  for (size_t i = 0; i < count; ++i)
    points.push_back({static_cast<double>(i), std::sin(static_cast<double>(i))});
  return points;
}

TEST(ThinOut, ASpikeIsKept) {
  auto points = wave(100'000);
  points[77'777].y = 50;
  points[3].y = -50;
  const auto thin = thinned_out(points, 400);
  EXPECT_LE(thin.size(), 400u);
  EXPECT_NE(std::ranges::find(thin, 50.0, &charts::Point::y), thin.end());
  EXPECT_NE(std::ranges::find(thin, -50.0, &charts::Point::y), thin.end());
  EXPECT_TRUE(std::ranges::is_sorted(thin, {}, &charts::Point::x));
}

TEST(ThinOut, FewPointsStayAsTheyAre) { EXPECT_EQ(thinned_out(wave(50), 400).size(), 50u); }

TEST(ThinOut, SmoothingIsTheMeanOfTheNeighbours) {
  const auto smooth = smoothed({{0, 1}, {1, 2}, {2, std::nan("")}, {3, 6}}, 1);
  EXPECT_DOUBLE_EQ(smooth[0].y, 1.5);
  EXPECT_DOUBLE_EQ(smooth[1].y, 1.5);
  EXPECT_DOUBLE_EQ(smooth[2].y, 4);
  EXPECT_DOUBLE_EQ(smooth[3].y, 6);
}

TEST(ThinOut, RowsAreSpreadFromFirstToLast) {
  EXPECT_EQ(spread_rows(100, 4), (std::vector<size_t>{0, 33, 66, 99}));
  EXPECT_EQ(spread_rows(3, 4), (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(spread_rows(1, 4), (std::vector<size_t>{0}));
  EXPECT_TRUE(spread_rows(0, 4).empty());
}

}  // namespace
}  // namespace ropeway::page
