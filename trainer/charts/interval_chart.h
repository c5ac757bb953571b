// Figures with their 95 % intervals, one per row, against a line at the least a figure should be.
#pragma once

#include <string>
#include <vector>

namespace ropeway::charts {

struct IntervalRow {
  std::string name = "";
  double value = 0, low = 0, high = 0;  // low == high: no interval
  bool good = false;
  std::string verdict = "";  // behind the row: "passed"
  std::string tip = "";
};

struct IntervalChart {
  std::string id = "", title = "", description = "", x_title = "";
  double line = 0;
  std::vector<IntervalRow> rows = {};
};

std::string svg_of(const IntervalChart& chart);  // "" without rows

}  // namespace ropeway::charts
