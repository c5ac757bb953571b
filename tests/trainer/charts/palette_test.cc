#include "trainer/charts/palette.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <string>

namespace ropeway::charts {
namespace {

// Contrast of WCAG 2.1 from the hexadecimal text of two colours.
double luminance(const std::string& hex) {
  // "#fff" is short for "#ffffff".
  std::string full = hex;
  if (hex.size() == 4) {
    full.clear();
    for (const char digit : hex) full.append(digit == '#' ? 1 : 2, digit);
  }
  double result = 0;
  const double weights[] = {0.2126, 0.7152, 0.0722};
  for (size_t i = 0; i < 3; ++i) {
    const double value = std::stoi(full.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    result += weights[i] * (value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4));
  }
  return result;
}

double contrast(const std::string& a, const std::string& b) {
  const double one = luminance(a), other = luminance(b);
  const double dark = std::min(one, other), light = std::max(one, other);
  return (light + 0.05) / (dark + 0.05);
}

std::string colour_in(const std::string& style) { return style.substr(style.find('#')); }

TEST(Palette, TextOnCellsCanBeRead) {
  for (int percent = 0; percent <= 100; ++percent) {
    const double share = percent / 100.0;
    EXPECT_GE(contrast(colour_in(cell_style(share)), colour_in(cell_text_style(share))), 4.5) << share;
  }
}

TEST(Palette, CellsGrowLighter) {
  double before = -1;
  for (int percent = 0; percent <= 100; percent += 5) {
    const double light = luminance(colour_in(cell_style(percent / 100.0)));
    EXPECT_GT(light, before) << percent;
    before = light;
  }
}

// The variables of each scheme, in the order of the style sheet: light, dark, paper.
std::vector<std::map<std::string, std::string>> schemes() {
  static const std::regex kBlock(R"(:root\{([^}]*)\})"), kVariable(R"(--_(\w+):(#[0-9a-f]+))");
  std::vector<std::map<std::string, std::string>> result;
  const std::string css = style_sheet();
  for (std::sregex_iterator block(css.begin(), css.end(), kBlock), end; block != end; ++block) {
    const std::string text = (*block)[1];
    auto& scheme = result.emplace_back();
    for (std::sregex_iterator variable(text.begin(), text.end(), kVariable); variable != end; ++variable) {
      scheme[(*variable)[1]] = (*variable)[2];
    }
  }
  return result;
}

// WCAG 2.1: text 4.5, parts of pictures 3.
TEST(Palette, LinesAndTextStandOutInEveryScheme) {
  ASSERT_EQ(schemes().size(), 3u);
  for (const auto& scheme : schemes()) {
    for (const char* text : {"ink", "soft", "good", "bad"}) {
      EXPECT_GE(contrast(scheme.at(text), scheme.at("paper")), 4.5) << text;
      EXPECT_GE(contrast(scheme.at(text), scheme.at("band")), 4.5) << text;
    }
    for (int i = 0; i < kColours; ++i) {
      EXPECT_GE(contrast(scheme.at(fmt::format("c{}", i)), scheme.at("paper")), 3) << i;
    }
  }
}

}  // namespace
}  // namespace ropeway::charts
