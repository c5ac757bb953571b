#include "trainer/page/training_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "trainer/charts/line_chart.h"
#include "trainer/charts/number_text.h"
#include "trainer/page/thin_out.h"

namespace ropeway::page {
namespace {

using charts::LineChart;
using charts::LineStyle;
using charts::Picture;
using charts::Point;
using charts::Series;

// Where each stage's steps stand on the common axis: behind those of the stages before it.
class StepAxis {
 public:
  explicit StepAxis(const RunData& run) {
    std::map<std::string, int64_t> steps;
    for (const PageStep& step : run.metrics.steps) {
      steps[step.stage] = std::max({steps[step.stage], step.step, step.total_steps});
    }
    int64_t offset = 0;
    for (const PageStage& stage : run.stages) {
      if (!steps.contains(stage.name)) continue;
      offsets_[stage.name] = offset;
      bands_.push_back(
          {static_cast<double>(offset), static_cast<double>(offset + steps[stage.name]), stage.name});
      offset += steps[stage.name];
    }
    for (const PageResume& resume : run.metrics.resumes) {
      if (holds(resume.stage)) marks_.push_back({at(resume.stage, resume.step), "resumed"});
    }
  }

  bool holds(const std::string& stage) const { return offsets_.contains(stage); }
  double at(const std::string& stage, int64_t step) const {
    return static_cast<double>(offsets_.at(stage) + step);
  }
  const std::vector<charts::Band>& bands() const { return bands_; }
  const std::vector<charts::Mark>& marks() const { return marks_; }

 private:
  std::map<std::string, int64_t> offsets_;
  std::vector<charts::Band> bands_;
  std::vector<charts::Mark> marks_;
};

struct Figure {
  const char *id, *title, *caption, *unit;
  std::function<double(const PageStep&)> of;
  std::function<std::string(double)> text;
  bool smooth = false, from_zero = false;
};

std::vector<Figure> figures() {
  const auto plain = [](double value) { return charts::figure_text(value, 4); };
  const auto short_count = [](double value) { return charts::count_text(value); };
  return {
      {"loss", "Loss",
       "Mean loss of each step before its update; the heavy line is the mean of the steps around.",
       "nats per token", [](const PageStep& s) { return s.loss; }, plain, true, false},
      {"gradient-norm", "Gradient norm", "Norm of all gradients before clipping.", "",
       [](const PageStep& s) { return s.gradient_norm; }, plain, false, true},
      {"learning-rate", "Learning rate", "As the recipe's schedule has it.", "",
       [](const PageStep& s) { return s.learning_rate; }, plain, false, true},
      {"tokens-per-second", "Tokens per second", "Of all ranks together.", "",
       [](const PageStep& s) { return s.tokens_per_second; }, short_count, false, true},
      {"memory", "Memory", "The most that the process of rank 0 has held in host memory so far.", "GiB",
       [](const PageStep& s) { return s.peak_memory_bytes / (1024.0 * 1024 * 1024); }, plain, false, true},
      {"step-seconds", "Seconds per step", "From the first forward pass to the end of the update.", "",
       [](const PageStep& s) { return s.seconds; }, plain, false, true}};
}

std::vector<Point> points_of(const RunData& run, const StepAxis& axis,
                             const std::function<double(const PageStep&)>& figure) {
  std::vector<Point> points;
  for (const PageStep& step : run.metrics.steps) {
    if (axis.holds(step.stage)) points.push_back({axis.at(step.stage, step.step), figure(step)});
  }
  return points;
}

void add_curves(LineChart& chart, const std::vector<Point>& points, const Figure& figure, const RunData& run,
                int colour) {
  constexpr size_t kReach = 5, kFew = 4 * kReach;
  const bool smooth = figure.smooth && points.size() > kFew;
  chart.series.push_back(
      {smooth ? "" : run.label, colour, smooth ? LineStyle::kRaw : LineStyle::kSolid, thinned_out(points)});
  if (smooth) {
    chart.series.push_back({run.label, colour, LineStyle::kSolid, thinned_out(smoothed(points, kReach))});
  }
}

// A row per step, or per so many steps.
charts::Table table_of(const RunData& run, const Figure& figure) {
  charts::Table table{.head = {"stage", "step", figure.title}, .rows = {}};
  const auto& steps = run.metrics.steps;
  for (const size_t row : spread_rows(steps.size())) {
    table.rows.push_back(
        {steps[row].stage, fmt::format("{}", steps[row].step), figure.text(figure.of(steps[row]))});
  }
  if (table.rows.size() < steps.size()) {
    table.note = fmt::format("{} of {} steps; metrics.jsonl has all.", table.rows.size(), steps.size());
  }
  return table;
}

LineChart chart_of(const Figure& figure, const StepAxis& axis) {
  LineChart chart{.id = figure.id, .title = figure.title, .description = figure.caption};
  chart.x_title = "training steps, all stages";
  chart.y_title = figure.unit;
  chart.bands = axis.bands();
  chart.marks = axis.marks();
  chart.x_low = 0;
  if (figure.from_zero) chart.y_low = 0;
  return chart;
}

// Seconds of each step by what they went into, where a run has them.
Picture phase_picture(const RunData& run, const StepAxis& axis, const std::string& id) {
  std::vector<std::string> names;
  for (const PageStep& step : run.metrics.steps) {
    for (const auto& [name, seconds] : step.phases) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  Picture picture{.id = id,
                  .title = run.label.empty() ? "Where a step's time goes"
                                             : fmt::format("Where a step's time goes, {}", run.label),
                  .caption = "Seconds of each step by what they went into, the mean over ranks.",
                  .svg = "",
                  .table = {.head = {"stage", "step"}, .rows = {}}};
  if (names.empty()) return picture;
  LineChart chart = chart_of(
      {id.c_str(), "Where a step's time goes", picture.caption.c_str(), "seconds", {}, {}, false, true},
      axis);
  const auto seconds_of = [](const PageStep& step, const std::string& name) {
    const auto found = std::ranges::find(step.phases, name, &std::pair<std::string, double>::first);
    return found == step.phases.end() ? std::nan("") : found->second;
  };
  for (size_t i = 0; i < names.size(); ++i) {
    const auto figure = [&](const PageStep& step) { return seconds_of(step, names[i]); };
    chart.series.push_back(
        {names[i], static_cast<int>(i), LineStyle::kSolid, thinned_out(points_of(run, axis, figure), 300)});
    picture.table.head.push_back(names[i]);
  }
  for (const size_t row : spread_rows(run.metrics.steps.size())) {
    const PageStep& step = run.metrics.steps[row];
    std::vector<std::string> cells = {step.stage, fmt::format("{}", step.step)};
    for (const std::string& name : names) cells.push_back(charts::figure_text(seconds_of(step, name), 3));
    picture.table.rows.push_back(cells);
  }
  picture.svg = charts::svg_of(chart);
  return picture;
}

}  // namespace

std::vector<Picture> training_pictures(const std::vector<RunData>& runs) {
  std::vector<Picture> pictures;
  std::vector<StepAxis> axes;
  for (const RunData& run : runs) axes.emplace_back(run);
  for (const Figure& figure : figures()) {
    LineChart chart = chart_of(figure, axes.front());
    for (size_t i = 0; i < runs.size(); ++i) {
      add_curves(chart, points_of(runs[i], axes[i], figure.of), figure, runs[i], static_cast<int>(i));
    }
    Picture picture{figure.id, figure.title, figure.caption, charts::svg_of(chart),
                    table_of(runs.front(), figure)};
    if (!picture.svg.empty()) pictures.push_back(picture);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    Picture picture = phase_picture(runs[i], axes[i], i == 0 ? "phases" : fmt::format("phases-{}", i + 1));
    if (!picture.svg.empty()) pictures.push_back(picture);
  }
  return pictures;
}

}  // namespace ropeway::page
