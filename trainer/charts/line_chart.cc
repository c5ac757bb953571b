#include "trainer/charts/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "trainer/charts/label_places.h"
#include "trainer/charts/plot_area.h"
#include "trainer/charts/svg.h"

namespace ropeway::charts {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kLabelHeight = 14, kLabelGap = 9;
constexpr double kLeast = 52, kBelow = 42, kAbove = 26;  // room around the plot

struct Range {
  double low = kInfinite, high = -kInfinite;
  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

bool is_off(const LineChart& chart, double y) { return chart.y_limit && y > *chart.y_limit; }

bool fits(Scale scale, double value) {
  return std::isfinite(value) && (scale == Scale::kLinear || value > 0);
}

Range x_range(const LineChart& chart) {
  Range range;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (fits(chart.x_scale, point.x)) range.take(point.x);
    }
  }
  if (range.empty()) return range;
  if (chart.x_low) range.take(*chart.x_low);
  if (chart.x_high) range.take(*chart.x_high);
  return range;
}

Range y_range(const LineChart& chart) {
  Range range;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!fits(chart.y_scale, point.y) || is_off(chart, point.y)) continue;
      range.take(point.y);
      if (point.low < point.high && fits(chart.y_scale, point.low)) range.take(point.low);
      if (point.low < point.high && !is_off(chart, point.high)) range.take(point.high);
    }
  }
  if (range.empty() && chart.y_limit) range.take(*chart.y_limit);
  for (const Level& level : chart.levels) range.take(level.y);
  if (chart.y_low) range.take(*chart.y_low);
  if (chart.y_high) range.take(*chart.y_high);
  if (range.empty() || (chart.bands.empty() && chart.marks.empty())) return range;
  // For their names, above the curves.
  constexpr double kHeadroom = 0.14;
  range.high = chart.y_scale == Scale::kLinear ? range.high + kHeadroom * (range.high - range.low)
                                               : range.high * std::pow(range.high / range.low, kHeadroom);
  return range;
}

// What the names beside the last points need on the right of the plot: a name that begins at the share f of its
// width W fits when f W + gap + text <= W + room.
double right_room(const LineChart& chart, const Axis& x_axis) {
  double room = 14;
  for (const Series& series : chart.series) {
    if (series.name.empty() || series.points.empty()) continue;
    const double share = x_axis.at(series.points.back().x), shift = chart.side_by_side ? 16 : 0;
    const double text = text_width(series.name) + kLabelGap + 4 + shift;
    if (!(share > 0)) continue;
    const double whole = chart.width - kLeast;  // of plot and room together
    room = std::max(room, whole - (whole - text) / share);
  }
  return std::min(room, chart.width * 0.35);
}

Axis axis_of(Scale scale, const Range& range, double room, int ticks) {
  if (scale == Scale::kLinear) {
    const double margin = room * (range.high - range.low);
    return Axis::linear(range.low - margin, range.high + margin, ticks);
  }
  const double factor = std::pow(range.high / range.low, room);
  return scale == Scale::kLog2 ? Axis::log2(range.low / factor, range.high * factor, ticks)
                               : Axis::log10(range.low / factor, range.high * factor, ticks);
}

class Drawing {
 public:
  Drawing(const LineChart& chart, const Range& x, const Range& y)
      : chart_(chart),
        svg_(chart.id, chart.width, chart.height, chart.title, chart.description),
        area_{axis_of(chart.x_scale, x, chart.x_scale == Scale::kLinear ? 0 : 0.03,
                      std::max(3, static_cast<int>(chart.width / 80))),
              axis_of(chart.y_scale, y, 0.06, std::max(3, static_cast<int>(chart.height / 48))),
              kLeast,
              kAbove,
              0,
              chart.height - kBelow} {
    area_.right = chart.width - right_room(chart, area_.x_axis);
    place_side_by_side();
  }

  std::string finished() {
    draw_bands();
    draw_axes(svg_, area_, chart_.x_title, chart_.y_title);
    draw_levels();
    draw_marks();
    for (const bool raw : {true, false}) {
      for (size_t i = 0; i < chart_.series.size(); ++i) {
        if ((chart_.series[i].style == LineStyle::kRaw) == raw) draw(i);
      }
    }
    name_bands_and_levels();
    for (const Label& label : spread_labels(labels_, kLabelHeight, area_.top + 4, area_.bottom - 4)) {
      svg_.text(label.x, label.y + 4, label.text, label.classes);
    }
    return svg_.finished();
  }

 private:
  void draw_bands() {
    bool shaded = false;
    for (const Band& band : chart_.bands) {
      const double from = area_.x(band.from), to = area_.x(band.to);
      if (shaded) svg_.rect(from, area_.top, to - from, area_.bottom - area_.top, "band");
      shaded = !shaded;
    }
  }

  void name_bands_and_levels() {
    double row_end[2] = {0, 0};
    for (const Band& band : chart_.bands) name_above(area_.x(band.from) + 4, band.text, row_end);
    for (const Level& level : chart_.levels) {
      // Where points stand side by side their names are on the left; elsewhere curves rise to the right.
      const double x = area_.left + (chart_.side_by_side ? 0.6 * (area_.right - area_.left) : 4);
      svg_.text(x, area_.y(level.y) - 5, level.text, "soft halo");
    }
  }

  // In the first of two rows where it does not run into the name before it; in none, where it would in both.
  void name_above(double x, const std::string& name, double (&row_end)[2]) {
    const int row = x >= row_end[0] ? 0 : 1;
    if (name.empty() || x < row_end[row]) return;
    svg_.text(x, area_.top + 12 + 14 * row, name, "soft halo");
    row_end[row] = x + text_width(name) + 6;
  }

  void place_side_by_side() {
    constexpr double kApart = 6;
    if (!chart_.side_by_side) return;
    std::map<double, std::vector<size_t>> at;
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      for (const Point& point : chart_.series[i].points) at[point.x].push_back(i);
    }
    for (const auto& [x, series] : at) {
      for (size_t i = 0; i < series.size(); ++i) {
        shifts_[{series[i], x}] =
            kApart * (static_cast<double>(i) - static_cast<double>(series.size() - 1) / 2);
      }
    }
  }

  double x_of(size_t series, const Point& point) const {
    const auto shift = shifts_.find({series, point.x});
    return area_.x(point.x) + (shift == shifts_.end() ? 0 : shift->second);
  }

  void draw_levels() {
    for (const Level& level : chart_.levels) {
      svg_.line(area_.left, area_.y(level.y), area_.right, area_.y(level.y), "level");
    }
  }

  void draw_marks() {
    double row_end[2] = {0, 0};
    for (const Mark& mark : chart_.marks) {
      const double x = area_.x(mark.x);
      if (x < area_.left - 0.5 || x > area_.right + 0.5) continue;
      svg_.line(x, area_.top, x, area_.bottom, "mark");
      name_above(x + 3, mark.text, row_end);
    }
  }

  std::vector<std::pair<double, double>> path_of(size_t index) const {
    const Series& series = chart_.series[index];
    std::vector<std::pair<double, double>> path;
    for (const Point& point : series.points) {
      const bool drawn =
          fits(chart_.y_scale, point.y) && fits(chart_.x_scale, point.x) && !is_off(chart_, point.y);
      const double x = x_of(index, point), y = drawn ? area_.y(point.y) : std::nan("");
      if (series.steps && !path.empty()) path.emplace_back(x, path.back().second);
      path.emplace_back(x, y);
    }
    return path;
  }

  void draw(size_t index) {
    const Series& series = chart_.series[index];
    const std::string colour = fmt::format("c{}", series.colour % 8);
    const auto path = path_of(index);
    if (series.style == LineStyle::kDots) {
      std::vector<std::pair<double, double>> dots;
      for (const auto& place : path) {
        if (std::isfinite(place.second)) dots.push_back(place);
      }
      svg_.dots(dots, "dots " + colour);
    } else {
      const char* kinds[] = {"", " dashed", " dotted", " raw", ""};
      if (path.size() > 1) svg_.polyline(path, "line " + colour + kinds[static_cast<int>(series.style)]);
    }
    for (const Point& point : series.points) draw_point(index, point, colour);
    add_label(index, colour);
  }

  void draw_point(size_t index, const Point& point, const std::string& colour) {
    if (!fits(chart_.x_scale, point.x) || !fits(chart_.y_scale, point.y)) return;
    const double x = x_of(index, point);
    if (is_off(chart_, point.y)) {
      const double y = area_.top + 1;
      svg_.polygon({{x, y}, {x - 5, y + 8}, {x + 5, y + 8}}, "dot " + colour, point.tip);
      return;
    }
    if (point.low < point.high) {
      const double low = std::min(area_.bottom, area_.y(point.low)),
                   high = std::max(area_.top, area_.y(point.high));
      svg_.line(x, low, x, high, "whisker " + colour);
    }
    if (!point.tip.empty())
      draw_marker(chart_.series[index].colour % 8, x, area_.y(point.y), "dot " + colour, point.tip);
  }

  // A shape per colour.
  void draw_marker(int kind, double x, double y, const std::string& classes, const std::string& tip) {
    if (kind % 4 == 0) return svg_.circle(x, y, 4, classes, tip);
    if (kind % 4 == 1) {
      return svg_.polygon({{x - 4, y - 4}, {x + 4, y - 4}, {x + 4, y + 4}, {x - 4, y + 4}}, classes, tip);
    }
    if (kind % 4 == 2) return svg_.polygon({{x, y - 5.5}, {x + 5, y + 4}, {x - 5, y + 4}}, classes, tip);
    svg_.polygon({{x, y - 5.5}, {x + 5.5, y}, {x, y + 5.5}, {x - 5.5, y}}, classes, tip);
  }

  void add_label(size_t index, const std::string& colour) {
    const Series& series = chart_.series[index];
    if (series.name.empty()) return;
    for (size_t i = series.points.size(); i-- > 0;) {
      const Point& point = series.points[i];
      if (!fits(chart_.y_scale, point.y) || !fits(chart_.x_scale, point.x)) continue;
      const double y = is_off(chart_, point.y) ? area_.top + 5 : area_.y(point.y);
      // Past the last of the points that stand side by side.
      double x = x_of(index, point);
      for (size_t other = 0; other < chart_.series.size(); ++other) {
        const auto shift = shifts_.find({other, point.x});
        if (shift != shifts_.end()) x = std::max(x, area_.x(point.x) + shift->second);
      }
      // Inside the plot other lines may pass: above them.
      const bool inside = chart_.side_by_side && x < area_.right - 40 && y > area_.top + 12;
      x += kLabelGap;
      labels_.push_back(
          {x, inside ? y - 9 : y, fitting(series.name, chart_.width - x - 2), "halo " + colour});
      return;
    }
  }

  const LineChart& chart_;
  Svg svg_;
  PlotArea area_;
  std::map<std::pair<size_t, double>, double> shifts_;  // of a series' point at x, in pixels
  std::vector<Label> labels_;
};

}  // namespace

std::string svg_of(const LineChart& chart) {
  const Range x = x_range(chart), y = y_range(chart);
  if (x.empty() || y.empty()) return "";
  return Drawing(chart, x, y).finished();
}

}  // namespace ropeway::charts
