#include "trainer/charts/timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/charts/axis.h"
#include "trainer/charts/number_text.h"
#include "trainer/charts/svg.h"

namespace ropeway::charts {
namespace {

constexpr double kWidth = 1080, kRowHeight = 24, kTop = 34;

// Seconds, minutes or hours: whichever makes the axis shortest to read.
std::pair<double, const char*> unit_of(double seconds) {
  if (seconds < 180) return {1, "seconds"};
  if (seconds < 3 * 3600) return {60, "minutes"};
  if (seconds < 4 * 86400.0) return {3600, "hours"};
  return {86400, "days"};
}

void draw_legend(Svg& svg, const std::vector<std::pair<std::string, int>>& legend, double x) {
  for (const auto& [text, colour] : legend) {
    svg.rect(x, 6, 12, 12, fmt::format("bar c{}", colour));
    svg.text(x + 17, 16, text, "soft");
    x += 17 + text_width(text) + 18;
  }
}

}  // namespace

std::string svg_of(const Timeline& timeline) {
  if (timeline.rows.empty()) return "";
  double left = 60, room = 40, end = 0;
  for (const TimelineRow& row : timeline.rows) {
    left = std::max(left, text_width(row.name) + 16);
    room = std::max(room, text_width(row.detail) + 14);
    end = std::max(end, row.begin + row.seconds);
  }
  const double bottom = kTop + kRowHeight * static_cast<double>(timeline.rows.size());
  const auto [unit, unit_name] = unit_of(end);
  const Axis axis = Axis::linear(0, std::max(end, 1e-3) / unit, 8);
  const double right = kWidth - std::min(room, 220.0);
  const auto place = [&](double seconds) { return left + axis.at(seconds / unit) * (right - left); };

  Svg svg(timeline.id, kWidth, bottom + 42, timeline.title, timeline.description);
  for (const Tick& tick : axis.ticks()) {
    const double x = left + axis.at(tick.value) * (right - left);
    svg.line(x, kTop - 4, x, bottom, "grid");
    svg.text(x, bottom + 16, tick.text, "soft", Anchor::kMiddle);
  }
  svg.text((left + right) / 2, bottom + 34, fmt::format("{} since the start", unit_name), "soft",
           Anchor::kMiddle);
  for (size_t i = 0; i < timeline.rows.size(); ++i) {
    const TimelineRow& row = timeline.rows[i];
    const double y = kTop + kRowHeight * static_cast<double>(i);
    svg.text(left - 10, y + 15, row.name, "", Anchor::kEnd);
    double text_at = left + 4;
    if (row.begun) {
      const double from = place(row.begin), to = std::max(from + 2, place(row.begin + row.seconds));
      svg.rect(from, y + 2, to - from, kRowHeight - 6, fmt::format("bar c{}", row.colour),
               fmt::format("{}: {}", row.name, duration_text(row.seconds)));
      text_at = to + 7;
    }
    svg.text(text_at, y + 15, row.detail, "soft halo");
  }
  draw_legend(svg, timeline.legend, left);
  return svg.finished();
}

}  // namespace ropeway::charts
