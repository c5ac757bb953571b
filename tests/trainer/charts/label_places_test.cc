#include "trainer/charts/label_places.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway::charts {
namespace {

TEST(LabelPlaces, LabelsOfOnePlaceAreSpread) {
  std::vector<Label> labels;
  for (int i = 0; i < 6; ++i) labels.push_back({100, 50, "label", ""});
  const auto spread = spread_labels(labels, 14, 0, 200);
  for (size_t i = 1; i < spread.size(); ++i) EXPECT_GE(spread[i].y - spread[i - 1].y, 14 - 1e-9);
}

TEST(LabelPlaces, LabelsThatDoNotMeetStayWhereTheyAre) {
  const auto spread =
      spread_labels({{0, 50, "left", ""}, {300, 51, "right", ""}, {300, 90, "below", ""}}, 14, 0, 200);
  EXPECT_EQ(spread[0].y, 50);
  EXPECT_EQ(spread[1].y, 51);
  EXPECT_EQ(spread[2].y, 90);
}

TEST(LabelPlaces, TheyStayWithinThePlot) {
  const auto spread = spread_labels({{0, 198, "a", ""}, {0, 199, "b", ""}, {0, 200, "c", ""}}, 14, 4, 196);
  EXPECT_LE(spread.back().y, 196);
  for (size_t i = 1; i < spread.size(); ++i) EXPECT_GE(spread[i].y - spread[i - 1].y, 14 - 1e-9);
}

}  // namespace
}  // namespace ropeway::charts
