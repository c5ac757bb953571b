#include "trainer/charts/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ropeway::charts {
namespace {

struct Rgb {
  double red, green, blue;
};

// Cividis at 0, 1/8, ... 1.
constexpr std::array<Rgb, 9> kCividis = {{{0, 34, 78},
                                          {26, 56, 111},
                                          {65, 77, 107},
                                          {96, 99, 110},
                                          {124, 123, 120},
                                          {155, 148, 119},
                                          {188, 174, 108},
                                          {221, 201, 87},
                                          {253, 231, 55}}};

Rgb colour_at(double share) {
  const double place = std::clamp(share, 0.0, 1.0) * (kCividis.size() - 1);
  const auto left = std::min(static_cast<size_t>(place), kCividis.size() - 2);
  const double part = place - static_cast<double>(left);
  const Rgb &a = kCividis[left], &b = kCividis[left + 1];
  const auto mixed = [&](double from, double to) { return std::round(from + (to - from) * part); };
  return {mixed(a.red, b.red), mixed(a.green, b.green), mixed(a.blue, b.blue)};
}

// WCAG 2.1, relative luminance.
double luminance(const Rgb& colour) {
  const auto linear = [](double value) {
    value /= 255;
    return value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

constexpr const char* kLight =
    "--_c0:#0072b2;--_c1:#d55e00;--_c2:#008a63;--_c3:#a8548a;--_c4:#b07800;--_c5:#3a8fc4;--_c6:#4a4a4a;--_c7:"
    "#7a6a00;"
    "--_ink:#1c2024;--_soft:#5b6570;--_grid:#e3e6ea;--_axis:#8a939c;--_paper:#fff;--_band:#f4f6f8;--_good:#"
    "00704f;"
    "--_bad:#b04a00;";
constexpr const char* kDark =
    "--_c0:#56b4e9;--_c1:#f08a4b;--_c2:#2fc99c;--_c3:#dd93bd;--_c4:#e6b03c;--_c5:#8fcdf2;--_c6:#c3c8cd;--_c7:"
    "#f0e442;"
    "--_ink:#e8eaed;--_soft:#a3adb7;--_grid:#2f363d;--_axis:#6f7a85;--_paper:#15191d;--_band:#1d2227;--_good:"
    "#"
    "4fd6ae;"
    "--_bad:#ff9e66;";

}  // namespace

std::string style_sheet() {
  std::string css = fmt::format(":root{{{}}}", kLight);
  css += fmt::format("@media (prefers-color-scheme:dark){{:root{{{}}}}}", kDark);
  css += fmt::format("@media print{{:root{{{}}}}}", kLight);
  css +=
      "svg.picture{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;"
      "fill:var(--_ink)}"
      "svg .axis{stroke:var(--_axis);fill:none}svg .grid{stroke:var(--_grid);fill:none}"
      "svg .band{fill:var(--_band)}svg .soft{fill:var(--_soft)}svg .strong{font-weight:600}"
      "svg .level{stroke:var(--_soft);stroke-dasharray:6 4;fill:none}"
      "svg .mark{stroke:var(--_soft);stroke-dasharray:2 3;fill:none}"
      "svg .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
      "svg .raw{stroke-width:1;opacity:.35}svg .thin{stroke-width:1.25}"
      "svg .dashed{stroke-dasharray:7 4}svg .dotted{stroke-dasharray:1.5 4}"
      "svg .dots{fill:none;stroke-width:4.5;stroke-linecap:round;opacity:.75}"
      "svg .area{opacity:.18;stroke:none}"
      "svg .halo{paint-order:stroke;stroke:var(--_paper);stroke-width:3.5px;stroke-linejoin:round}"
      "svg .empty{fill:var(--_band)}svg .good{fill:var(--_good)}svg .bad{fill:var(--_bad)}";
  for (int i = 0; i < kColours; ++i) {
    css += fmt::format(
        "svg .line.c{0},svg .dots.c{0},svg .whisker.c{0}{{stroke:var(--_c{0})}}"
        "svg .dot.c{0},svg .area.c{0},svg .bar.c{0},svg text.c{0}{{fill:var(--_c{0})}}",
        i);
  }
  return css + "svg .whisker{fill:none;stroke-width:1.5}";
}

std::string cell_style(double share) {
  const Rgb colour = colour_at(share);
  return fmt::format("fill:#{:02x}{:02x}{:02x}", static_cast<int>(colour.red), static_cast<int>(colour.green),
                     static_cast<int>(colour.blue));
}

// Whichever of black and white stands out more.
std::string cell_text_style(double share) {
  const double light = luminance(colour_at(share));
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? "fill:#fff" : "fill:#000";
}

}  // namespace ropeway::charts
