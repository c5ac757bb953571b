#include "trainer/charts/interval_chart.h"

#include <algorithm>

#include "trainer/charts/axis.h"
#include "trainer/charts/svg.h"

namespace ropeway::charts {
namespace {

constexpr double kWidth = 860, kRowHeight = 30, kTop = 14;

}  // namespace

std::string svg_of(const IntervalChart& chart) {
  if (chart.rows.empty()) return "";
  double low = chart.line, high = chart.line, left = 60, right_room = 60;
  for (const IntervalRow& row : chart.rows) {
    low = std::min({low, row.value, row.low});
    high = std::max({high, row.value, row.high});
    left = std::max(left, text_width(row.name) + 18);
    right_room = std::max(right_room, text_width(row.verdict) + 26);
  }
  const double margin = 0.08 * std::max(high - low, 1e-9);
  const Axis axis = Axis::linear(low - margin, high + margin, 6);
  const double right = kWidth - right_room;
  const double bottom = kTop + kRowHeight * static_cast<double>(chart.rows.size());
  const auto place = [&](double value) { return left + axis.at(value) * (right - left); };

  Svg svg(chart.id, kWidth, bottom + 42, chart.title, chart.description);
  for (const Tick& tick : axis.ticks()) {
    svg.line(place(tick.value), kTop, place(tick.value), bottom, "grid");
    svg.text(place(tick.value), bottom + 16, tick.text, "soft", Anchor::kMiddle);
  }
  svg.line(place(chart.line), kTop, place(chart.line), bottom, "level");
  svg.text((left + right) / 2, bottom + 34, chart.x_title, "soft", Anchor::kMiddle);
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    const IntervalRow& row = chart.rows[i];
    const double y = kTop + kRowHeight * (static_cast<double>(i) + 0.5);
    const std::string colour = row.good ? "c2" : "c1";
    svg.text(left - 12, y + 4, row.name, "", Anchor::kEnd);
    if (row.low < row.high) {
      svg.line(place(row.low), y, place(row.high), y, "whisker " + colour);
      for (const double end : {row.low, row.high})
        svg.line(place(end), y - 4, place(end), y + 4, "whisker " + colour);
    }
    svg.circle(place(row.value), y, 5, "dot " + colour, row.tip);
    svg.text(right + 14, y + 4, row.verdict, row.good ? "good strong" : "bad strong");
  }
  return svg.finished();
}

}  // namespace ropeway::charts
