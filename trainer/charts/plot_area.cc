#include "trainer/charts/plot_area.h"

namespace ropeway::charts {
namespace {

constexpr double kTextMiddle = 4;  // from the base line to the middle of a digit

}  // namespace

void draw_axes(Svg& svg, const PlotArea& area, const std::string& x_title, const std::string& y_title) {
  for (const Tick& tick : area.y_axis.ticks()) {
    const double y = area.y(tick.value);
    svg.line(area.left, y, area.right, y, "grid");
    svg.text(area.left - 7, y + kTextMiddle, tick.text, "soft", Anchor::kEnd);
  }
  double free_from = 0;
  for (const Tick& tick : area.x_axis.ticks()) {
    const double x = area.x(tick.value), half = text_width(tick.text) / 2;
    svg.line(x, area.bottom, x, area.bottom + 4, "axis");
    if (x - half < free_from) continue;
    svg.text(x, area.bottom + 17, tick.text, "soft", Anchor::kMiddle);
    free_from = x + half + 6;
  }
  svg.line(area.left, area.bottom, area.right, area.bottom, "axis");
  if (!x_title.empty())
    svg.text((area.left + area.right) / 2, area.bottom + 34, x_title, "soft", Anchor::kMiddle);
  if (!y_title.empty()) svg.text(area.left - 40 > 4 ? 4 : 0, area.top - 10, y_title, "soft");
}

}  // namespace ropeway::charts
