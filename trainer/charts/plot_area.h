// The rectangle that a chart draws its points in, between its axes.
#pragma once

#include <string>

#include "trainer/charts/axis.h"
#include "trainer/charts/svg.h"

namespace ropeway::charts {

struct PlotArea {
  Axis x_axis, y_axis;
  double left = 0, top = 0, right = 0, bottom = 0;  // in pixels

  double x(double value) const { return left + x_axis.at(value) * (right - left); }
  double y(double value) const { return bottom - y_axis.at(value) * (bottom - top); }
};

// Grid, ticks and the names of both axes.
void draw_axes(Svg& svg, const PlotArea& area, const std::string& x_title, const std::string& y_title);

}  // namespace ropeway::charts
