// Lines and dots over two axes, with 95 % intervals, levels, marks and bands, and each line's name beside its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer/charts/axis.h"

namespace ropeway::charts {

struct Point {
  double x = 0, y = 0;
  double low = 0, high = 0;  // of y; drawn where low < high
  std::string tip = "";      // what a pointer that rests on the dot shows; points with one have a dot
};

enum class LineStyle { kSolid, kDashed, kDotted, kRaw, kDots };  // kRaw: thin and pale, below the others

struct Series {
  std::string name = "";  // beside the last point; empty: none
  int colour = 0;
  LineStyle style = LineStyle::kSolid;
  std::vector<Point> points = {};
  bool steps = false;  // keeps its value until the next point
};

struct Level {  // a horizontal line
  double y = 0;
  std::string text = "";
};
struct Mark {  // a vertical line
  double x = 0;
  std::string text = "";
};
struct Band {  // a stretch of x, every other one shaded
  double from = 0, to = 0;
  std::string text = "";
};

struct LineChart {
  std::string id = "", title = "", description = "";
  std::string x_title = "", y_title = "";
  Scale x_scale = Scale::kLinear, y_scale = Scale::kLinear;
  // What the y axis must hold beside the points; points above y_limit are drawn as arrows at its end.
  std::optional<double> y_low = {}, y_high = {}, y_limit = {};
  std::optional<double> x_low = {}, x_high = {};
  std::vector<Series> series = {};
  std::vector<Level> levels = {};
  std::vector<Mark> marks = {};
  std::vector<Band> bands = {};
  // Points of several series at one place stand side by side.
  bool side_by_side = false;
  double width = 540, height = 250;
};

std::string svg_of(const LineChart& chart);  // "" where no point can be drawn

}  // namespace ropeway::charts
