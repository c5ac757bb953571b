#include "trainer/charts/line_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace ropeway::charts {
namespace {

using testing::HasSubstr;
using testing::Not;

LineChart chart_with(std::vector<Point> points) {
  LineChart chart{.id = "p", .title = "Title", .description = "Description"};
  chart.series.push_back({"name", 0, LineStyle::kSolid, std::move(points)});
  return chart;
}

// Places of the dots, in the order drawn.
std::vector<std::pair<double, double>> circles_of(const std::string& svg) {
  static const std::regex kCircle(R"re(<circle[^>]* cx="([-\d.]+)" cy="([-\d.]+)")re");
  std::vector<std::pair<double, double>> places;
  for (std::sregex_iterator circle(svg.begin(), svg.end(), kCircle), end; circle != end; ++circle) {
    places.emplace_back(std::stod((*circle)[1]), std::stod((*circle)[2]));
  }
  return places;
}

Point dot(double x, double y) {
  Point point{x, y};
  point.tip = "tip";
  return point;
}

TEST(LineChart, PointsStandInProportion) {
  const auto places = circles_of(svg_of(chart_with({dot(0, 1), dot(1, 2), dot(4, 5)})));
  ASSERT_EQ(places.size(), 3u);
  EXPECT_NEAR((places[1].first - places[0].first) / (places[2].first - places[0].first), 0.25, 0.01);
  EXPECT_NEAR((places[0].second - places[1].second) / (places[0].second - places[2].second), 0.25, 0.01);
}

TEST(LineChart, LengthsStandAtEqualSteps) {
  LineChart chart = chart_with({dot(256, 1), dot(512, 1.5), dot(4096, 2)});
  chart.x_scale = Scale::kLog2;
  const auto places = circles_of(svg_of(chart));
  ASSERT_EQ(places.size(), 3u);
  EXPECT_NEAR((places[1].first - places[0].first) / (places[2].first - places[0].first), 0.25, 0.01);
}

TEST(LineChart, WhatIsBeyondTheLimitIsAnArrow) {
  LineChart chart = chart_with({dot(1, 1), dot(2, 1.2), dot(3, 50)});
  chart.y_limit = 2;
  const std::string svg = svg_of(chart);
  EXPECT_EQ(circles_of(svg).size(), 2u);
  EXPECT_THAT(svg, Not(HasSubstr(">50<")));  // no tick up there
  EXPECT_THAT(svg, HasSubstr("<title>tip</title></path>"));
}

TEST(LineChart, PointsSideBySideDoNotMeet) {
  LineChart chart = chart_with({dot(1, 1)});
  chart.series.push_back(chart.series.front());
  chart.side_by_side = true;
  const auto places = circles_of(svg_of(chart));
  ASSERT_EQ(places.size(), 2u);
  EXPECT_GE(places[1].first - places[0].first, 5);
}

TEST(LineChart, NothingToDrawIsNoPicture) {
  EXPECT_EQ(svg_of(chart_with({})), "");
  EXPECT_EQ(svg_of(chart_with({{1, std::nan("")}})), "");
  LineChart chart = chart_with({{1, -1}});
  chart.y_scale = Scale::kLog10;
  EXPECT_EQ(svg_of(chart), "");
}

}  // namespace
}  // namespace ropeway::charts
