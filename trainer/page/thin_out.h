// Long curves as few points: as a picture can show, and a file of bounded size can hold.
#pragma once

#include <cstddef>
#include <vector>

#include "trainer/charts/line_chart.h"

namespace ropeway::page {

// At most about `limit` points: of every stretch the lowest and the highest, so that no spike is lost.
std::vector<charts::Point> thinned_out(const std::vector<charts::Point>& points, size_t limit = 600);

// The mean of up to `reach` points on both sides of each; points that are not finite count for nothing.
std::vector<charts::Point> smoothed(const std::vector<charts::Point>& points, size_t reach);

// Numbers of about `limit` rows of `count`, evenly spread, the first and the last among them.
std::vector<size_t> spread_rows(size_t count, size_t limit = 40);

}  // namespace ropeway::page
