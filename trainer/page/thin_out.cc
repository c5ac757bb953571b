#include "trainer/page/thin_out.h"

#include <algorithm>
#include <cmath>

namespace ropeway::page {

using charts::Point;

std::vector<Point> thinned_out(const std::vector<Point>& points, size_t limit) {
  if (points.size() <= limit || limit < 2) return points;
  const size_t stretches = limit / 2;
  std::vector<Point> kept;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(points.size() * i / stretches);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>(points.size() * (i + 1) / stretches);
    auto [low, high] =
        std::minmax_element(begin, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

std::vector<Point> smoothed(const std::vector<Point>& points, size_t reach) {
  std::vector<Point> result = points;
  for (size_t i = 0; i < points.size(); ++i) {
    const size_t from = i < reach ? 0 : i - reach, to = std::min(points.size(), i + reach + 1);
    double sum = 0, count = 0;
    for (size_t j = from; j < to; ++j) {
      if (!std::isfinite(points[j].y)) continue;
      sum += points[j].y;
      ++count;
    }
    result[i].y = count > 0 ? sum / count : std::nan("");
  }
  return result;
}

std::vector<size_t> spread_rows(size_t count, size_t limit) {
  std::vector<size_t> rows;
  const size_t wanted = std::min(count, limit);
  for (size_t i = 0; i < wanted; ++i) {
    rows.push_back(wanted == 1 ? 0 : i * (count - 1) / (wanted - 1));
  }
  return rows;
}

}  // namespace ropeway::page
