#include "trainer/charts/axis.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway::charts {
namespace {

std::vector<std::string> texts_of(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& tick : axis.ticks()) texts.push_back(tick.text);
  return texts;
}

TEST(Axis, LinearTicksAreRound) {
  const Axis axis = Axis::linear(0.93, 1.41);
  EXPECT_EQ(texts_of(axis), (std::vector<std::string>{"1.0", "1.1", "1.2", "1.3", "1.4"}));
  EXPECT_DOUBLE_EQ(axis.at(0.93), 0);
  EXPECT_DOUBLE_EQ(axis.at(1.41), 1);
  EXPECT_NEAR(axis.at(1.17), 0.5, 1e-12);
}

TEST(Axis, LengthsStandAtEqualSteps) {
  const Axis axis = Axis::log2(256, 2048);
  EXPECT_EQ(texts_of(axis), (std::vector<std::string>{"256", "512", "1K", "2K"}));
  EXPECT_NEAR(axis.at(512), 1.0 / 3, 1e-12);
  EXPECT_NEAR(axis.at(1024), 2.0 / 3, 1e-12);
}

TEST(Axis, ManyPowersOfTwoAreThinnedOut) {
  const Axis axis = Axis::log2(1, 1 << 21, 8);
  EXPECT_LE(axis.ticks().size(), 8u);
  EXPECT_EQ(axis.ticks().front().text, "1");
}

TEST(Axis, PowersOfTen) {
  EXPECT_EQ(texts_of(Axis::log10(1, 100)),
            (std::vector<std::string>{"1", "2", "5", "10", "20", "50", "100"}));
}

TEST(Axis, OneValueHasRoomOnBothSides) {
  const Axis axis = Axis::linear(3, 3);
  EXPECT_NEAR(axis.at(3), 0.5, 1e-12);
  EXPECT_FALSE(axis.ticks().empty());
  EXPECT_NEAR(Axis::log2(256, 256).at(256), 0.5, 1e-12);
  EXPECT_NEAR(Axis::linear(0, 0).at(0), 0.5, 1e-12);
}

TEST(Axis, LargeValuesShareOneUnit) {
  for (const std::string& text : texts_of(Axis::linear(0, 15000, 7))) {
    EXPECT_TRUE(text == "0" || text.ends_with("k")) << text;
  }
}

}  // namespace
}  // namespace ropeway::charts
