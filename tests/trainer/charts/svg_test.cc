#include "trainer/charts/svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ropeway::charts {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Svg, TextIsEscaped) {
  EXPECT_EQ(escaped("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
  EXPECT_EQ(escaped(std::string("a\x01\x1b", 3)), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  Svg svg("p", 10, 10, "<script>", "a & b");
  svg.text(1, 2, "</text><script>");
  EXPECT_THAT(svg.finished(), Not(HasSubstr("<script>")));
}

TEST(Svg, AScreenReaderFindsTitleAndDescription) {
  const std::string text = Svg("loss", 10, 10, "Loss", "By step").finished();
  EXPECT_THAT(text, HasSubstr("role=\"img\""));
  EXPECT_THAT(text, HasSubstr("aria-labelledby=\"loss-title loss-desc\""));
  EXPECT_THAT(text, HasSubstr("<title id=\"loss-title\">Loss</title>"));
  EXPECT_THAT(text, HasSubstr("<desc id=\"loss-desc\">By step</desc>"));
}

TEST(Svg, ALineHasAGapWhereAPointIsNotFinite) {
  Svg svg("p", 10, 10, "t", "d");
  svg.polyline({{0, 1}, {1, 2}, {2, std::nan("")}, {3, 4}, {4, 5.26}}, "line");
  EXPECT_THAT(svg.finished(), HasSubstr("d=\"M0 1L1 2M3 4L4 5.3\""));
}

TEST(Svg, WhatDoesNotFitEndsInAnEllipsis) {
  EXPECT_EQ(fitting("short", 100), "short");
  const std::string cut = fitting("a name that is far too long for its place", 100);
  EXPECT_TRUE(cut.starts_with("a name") && cut.ends_with("\u2026")) << cut;
  EXPECT_LE(text_width(cut), 100);
  // Never half of a character.
  EXPECT_EQ(fitting("\u00e4\u00e4\u00e4\u00e4", 22), "\u00e4\u00e4\u2026");
}

}  // namespace
}  // namespace ropeway::charts
