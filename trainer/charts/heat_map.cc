#include "trainer/charts/heat_map.h"

#include <algorithm>

#include "trainer/charts/palette.h"
#include "trainer/charts/svg.h"

namespace ropeway::charts {
namespace {

constexpr double kCellHeight = 26, kGap = 2, kGroupGap = 14;

struct Places {
  double left = 0, top = 0, cell_width = 0;
  std::vector<double> x;  // of each column
  double right = 0;
};

// Wide enough for the longest text of a cell, the columns' names, and the groups' names over their columns.
Places places_of(const HeatMap& map) {
  Places places;
  for (const std::string& row : map.rows) places.left = std::max(places.left, text_width(row));
  places.left += 14;
  places.top = 62;
  places.cell_width = 40;
  for (const HeatColumn& column : map.columns) {
    places.cell_width = std::max(places.cell_width, text_width(column.name) + 10);
  }
  for (const auto& row : map.cells) {
    for (const HeatCell& cell : row)
      places.cell_width = std::max(places.cell_width, text_width(cell.text) + 10);
  }
  double x = places.left;
  for (size_t i = 0; i < map.columns.size();) {
    size_t end = i + 1;
    while (end < map.columns.size() && map.columns[end].group == map.columns[i].group) ++end;
    const double begin = x;
    for (; i < end; ++i, x += places.cell_width + kGap) places.x.push_back(x);
    x = std::max(x, begin + text_width(map.columns[end - 1].group)) + kGroupGap;
  }
  places.right = x - kGroupGap;
  return places;
}

void draw_legend(Svg& svg, double x, double y) {
  constexpr int kSteps = 20;
  svg.text(x - 6, y + 10, "0%", "soft", Anchor::kEnd);
  for (int i = 0; i < kSteps; ++i) svg.rect(x + 6 * i, y, 6.3, 12, "", "", cell_style((i + 0.5) / kSteps));
  svg.text(x + 6 * kSteps + 6, y + 10, "100%", "soft");
}

}  // namespace

std::string svg_of(const HeatMap& map) {
  if (map.rows.empty() || map.columns.empty()) return "";
  const Places places = places_of(map);
  const double bottom = places.top + kCellHeight * static_cast<double>(map.rows.size());
  const double width = std::max(places.right + 8, places.left + 330);
  Svg svg(map.id, width, bottom + 44, map.title, map.description);
  svg.text(0, places.top - 8, map.row_title, "soft");
  svg.text(places.left, 14, map.column_title, "soft");
  for (size_t i = 0; i < map.columns.size(); ++i) {
    if (i == 0 || map.columns[i].group != map.columns[i - 1].group) {
      svg.text(places.x[i], 34, map.columns[i].group, "strong");
    }
    svg.text(places.x[i] + places.cell_width / 2, places.top - 8, map.columns[i].name, "soft",
             Anchor::kMiddle);
  }
  for (size_t r = 0; r < map.rows.size(); ++r) {
    const double y = places.top + kCellHeight * static_cast<double>(r);
    svg.text(places.left - 8, y + 17, map.rows[r], "soft", Anchor::kEnd);
    for (size_t c = 0; c < map.columns.size(); ++c) {
      const HeatCell& cell = map.cells[r][c];
      svg.rect(places.x[c], y, places.cell_width, kCellHeight - kGap, cell.filled ? "cell" : "empty",
               cell.tip, cell.filled ? cell_style(cell.share) : "");
      if (!cell.filled) continue;
      svg.text(places.x[c] + places.cell_width / 2, y + 16, cell.text, "", Anchor::kMiddle,
               cell_text_style(cell.share));
    }
  }
  draw_legend(svg, places.left + 24, bottom + 16);
  return svg.finished();
}

}  // namespace ropeway::charts
