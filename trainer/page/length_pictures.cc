#include "trainer/page/length_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "trainer/charts/line_chart.h"
#include "trainer/charts/number_text.h"
#include "trainer/report/evaluations.h"
#include "trainer/rope/schedules.h"

namespace ropeway::page {
namespace {

using charts::LineChart;
using charts::LineStyle;
using charts::Point;
using charts::Series;

struct Figure {
  const char *id, *title, *unit;
  double (*of)(const EvaluationRecord&);  // below 0: not measured
  std::optional<Interval> (*interval)(const EvaluationRecord&);
  bool (*measured)(const EvaluationRecord&);
};

std::optional<Interval> interval_of(const EvaluationRecord& record, const std::string& name) {
  const auto found = std::ranges::find(record.figures, name, &FigureRecord::name);
  return found == record.figures.end() ? std::nullopt : found->interval;
}

constexpr Figure kBits = {"bits-by-length",
                          "Bits per byte by length",
                          "bits per byte",
                          [](const EvaluationRecord& r) { return r.bits_per_byte; },
                          [](const EvaluationRecord& r) { return r.bits_interval; },
                          has_bits};
constexpr Figure kPerplexity = {
    "perplexity-by-length",
    "Perplexity by length",
    "perplexity per token",
    [](const EvaluationRecord& r) { return figure_or(r, "perplexity", -1); },
    [](const EvaluationRecord& r) { return interval_of(r, "perplexity"); },
    [](const EvaluationRecord& r) { return figure_or(r, "perplexity", -1) >= 0; }};

std::string name_of(const EvaluationRecord& record, const RunData& run) {
  std::string name = record.factors == kOriginalRope ? "original RoPE" : record.factors;
  if (record.model == "base") name += ", untuned";
  return run.label.empty() ? name : fmt::format("{} ({})", name, run.label);
}

std::string value_text(const EvaluationRecord& record, const Figure& figure) {
  const double value = figure.of(record);
  if (value < 0) return "";
  std::string text = fmt::format("{:.3f}", value);
  if (const auto interval = figure.interval(record)) {
    text += fmt::format(" \u00b1 {:.3f}", (interval->high - interval->low) / 2);
  }
  return text;
}

std::string tip_of(const EvaluationRecord& record, const Figure& figure, const std::string& name) {
  std::string tip = fmt::format("{} at {}: {}", name, charts::length_text(static_cast<double>(record.length)),
                                value_text(record, figure));
  if (record.passkey >= 0) tip += fmt::format(", passkey {}", charts::share_text(record.passkey));
  return tip;
}

struct Row {
  std::string name;
  std::map<int64_t, const EvaluationRecord*> at;  // by length; the newest of a length
  bool base = false;
};

std::vector<Row> rows_of(const RunData& run, const Figure& figure) {
  std::vector<Row> rows;
  for (const EvaluationRecord& record : run.report.evaluations) {
    if (figure.of(record) < 0) continue;
    const std::string name = name_of(record, run);
    auto row = std::ranges::find(rows, name, &Row::name);
    if (row == rows.end()) row = rows.insert(rows.end(), {name, {}, record.model == "base"});
    row->at[record.length] =
        best_evaluation(run.report.evaluations, record.model, record.factors, record.length, figure.measured);
  }
  // What the run made first.
  std::ranges::stable_partition(rows, [](const Row& row) { return !row.base; });
  return rows;
}

// Where a formula fails it fails by so much that nothing else could be told apart beside it.
std::optional<double> limit_of(const std::vector<Row>& rows, const Figure& figure) {
  constexpr double kAbove = 1.35;
  double least = -1, most = -1;
  for (const Row& row : rows) {
    for (const auto& [length, record] : row.at) {
      const double value = figure.of(*record);
      least = least < 0 ? value : std::min(least, value);
      most = std::max(most, value);
    }
  }
  return most > kAbove * least ? std::optional(kAbove * least) : std::nullopt;
}

Series series_of(const Row& row, const Figure& figure, std::optional<double> limit, int colour) {
  Series series{row.name, colour, row.base ? LineStyle::kDashed : LineStyle::kSolid, {}};
  for (const auto& [length, record] : row.at) {
    const double value = figure.of(*record);
    const Interval interval = figure.interval(*record).value_or(Interval{});
    series.points.push_back(
        {static_cast<double>(length), value, interval.low, interval.high, tip_of(*record, figure, row.name)});
  }
  const double last = series.points.back().y;
  if (limit && last > *limit) series.name += fmt::format(" {:.2f}", last);
  return series;
}

void add_base_level(LineChart& chart, const RunData& run, const Figure& figure) {
  const EvaluationRecord* base =
      best_evaluation(run.report.evaluations, "base", kOriginalRope, run.report.base_window, figure.measured);
  if (base == nullptr || figure.of(*base) < 0) return;
  chart.levels.push_back(
      {figure.of(*base), fmt::format("base model within its window of {}{}: {:.3f}",
                                     charts::length_text(static_cast<double>(run.report.base_window)),
                                     run.label.empty() ? "" : ", " + run.label, figure.of(*base))});
}

void add_to_table(charts::Table& table, const std::vector<Row>& rows, const Figure& figure,
                  const std::set<int64_t>& lengths) {
  for (const Row& row : rows) {
    std::vector<std::string> cells = {row.name};
    for (const int64_t length : lengths) {
      const auto found = row.at.find(length);
      cells.push_back(found == row.at.end() ? "" : value_text(*found->second, figure));
    }
    table.rows.push_back(cells);
  }
}

charts::Picture picture_of(const std::vector<RunData>& runs, const Figure& figure) {
  charts::Picture picture{
      .id = figure.id,
      .title = figure.title,
      .caption =
          "The same held-out text at every length, less is better; bars are 95 % "
          "intervals, dashed lines the untuned model. An arrow at the top points at a "
          "value beyond the picture.",
      .svg = "",
      .table = {.head = {"factors"}, .rows = {}, .note = "\u00b1 half of the 95 % interval"},
      .table_open = true};
  LineChart chart{.id = figure.id, .title = figure.title, .description = picture.caption};
  chart.x_title = "tokens";
  chart.y_title = figure.unit;
  chart.x_scale = charts::Scale::kLog2;
  chart.side_by_side = true;
  chart.width = 1080;
  chart.height = 420;
  std::set<int64_t> lengths;
  int colour = 0;
  for (const RunData& run : runs) {
    const std::vector<Row> rows = rows_of(run, figure);
    const std::optional<double> limit = limit_of(rows, figure);
    if (limit) chart.y_limit = std::max(*limit, chart.y_limit.value_or(0));
    for (const Row& row : rows) {
      chart.series.push_back(series_of(row, figure, limit, colour++));
      for (const auto& [length, record] : row.at) lengths.insert(length);
    }
    add_base_level(chart, run, figure);
  }
  for (const int64_t length : lengths)
    picture.table.head.push_back(charts::length_text(static_cast<double>(length)));
  for (const RunData& run : runs) add_to_table(picture.table, rows_of(run, figure), figure, lengths);
  picture.svg = charts::svg_of(chart);
  return picture;
}

}  // namespace

std::vector<charts::Picture> length_pictures(const std::vector<RunData>& runs) {
  std::vector<charts::Picture> pictures = {picture_of(runs, kBits)};
  if (pictures.front().svg.empty()) pictures = {picture_of(runs, kPerplexity)};
  if (pictures.front().svg.empty()) return {};
  return pictures;
}

}  // namespace ropeway::page
