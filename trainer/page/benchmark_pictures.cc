#include "trainer/page/benchmark_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "trainer/charts/heat_map.h"
#include "trainer/charts/number_text.h"
#include "trainer/report/benchmark_table.h"

namespace ropeway::page {
namespace {

constexpr const char* kRuler = "ruler";

std::optional<double> number_of(const BenchmarkRecord& record, const std::string& name) {
  const auto found = std::ranges::find(record.numbers, name, &std::pair<std::string, double>::first);
  return found == record.numbers.end() ? std::nullopt : std::optional(found->second);
}

charts::HeatCell cell_of(const BenchmarkRecord& record) {
  const double score = number_of(record, "score").value_or(0);
  const std::optional<double> samples = number_of(record, "samples");
  std::string tip =
      fmt::format("{}, {} at {}: {}", record.task, record.factors,
                  charts::length_text(static_cast<double>(record.length)), charts::share_text(score));
  if (samples) tip += fmt::format(" of {:.0f} samples", *samples);
  return {true, score, charts::share_text(score), tip};
}

std::string length_of(const BenchmarkRecord& record) {
  return charts::length_text(static_cast<double>(record.length));
}

charts::Picture ruler_picture(const RunData& run, const std::string& id) {
  charts::Picture picture{
      .id = id,
      .title = run.label.empty() ? "RULER" : fmt::format("RULER, {}", run.label),
      .caption = "Score of each task by length and factor set.",
      .svg = "",
      .table = {.head = {"task", "factors", "length", "score", "95 % interval", "samples"},
                .rows = {},
                .text_columns = 2}};
  charts::HeatMap map{.id = id, .title = picture.title, .description = picture.caption};
  map.row_title = "task";
  map.column_title = "factor set, and tokens of the text";
  std::vector<std::pair<std::string, int64_t>> columns;
  std::vector<const BenchmarkRecord*> records;
  for (const BenchmarkRecord& record : run.report.benchmarks) {
    if (record.benchmark != kRuler || !number_of(record, "score")) continue;
    records.push_back(&record);
    const std::pair column{record.factors, record.length};
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    if (std::ranges::find(map.rows, record.task) == map.rows.end()) map.rows.push_back(record.task);
  }
  std::ranges::stable_sort(columns);
  for (const auto& [factors, length] : columns)
    map.columns.push_back({factors, charts::length_text(static_cast<double>(length))});
  map.cells.assign(map.rows.size(), std::vector<charts::HeatCell>(columns.size()));
  for (const BenchmarkRecord* record : records) {
    const auto row = std::ranges::find(map.rows, record->task) - map.rows.begin();
    const auto column =
        std::ranges::find(columns, std::pair{record->factors, record->length}) - columns.begin();
    map.cells[row][column] = cell_of(*record);
    const auto low = number_of(*record, "score_low"), high = number_of(*record, "score_high");
    picture.table.rows.push_back(
        {record->task, record->factors, length_of(*record), charts::share_text(*number_of(*record, "score")),
         low && high ? fmt::format("{} to {}", charts::share_text(*low), charts::share_text(*high)) : "",
         charts::figure_text(number_of(*record, "samples").value_or(0), 4)});
  }
  picture.svg = charts::svg_of(map);
  return picture;
}

// A row per figure of benchmarks that have no picture.
charts::Picture other_figures(const std::vector<RunData>& runs) {
  charts::Picture picture{
      .id = "benchmarks",
      .title = "Benchmarks",
      .caption = "Figures of the other benchmarks; _low and _high are 95 % intervals.",
      .svg = "",
      .table = {.head = {"task", "factors", "length", "figure", "value"}, .rows = {}, .text_columns = 4}};
  for (const RunData& run : runs) {
    for (const BenchmarkRecord& record : run.report.benchmarks) {
      if (record.benchmark == kRuler && number_of(record, "score")) continue;
      const std::string factors =
          run.label.empty() ? record.factors : fmt::format("{} ({})", record.factors, run.label);
      for (const auto& [name, value] : record.numbers) {
        picture.table.rows.push_back(
            {record.task, factors, length_of(record), name, charts::figure_text(value)});
      }
    }
  }
  return picture;
}

}  // namespace

std::vector<charts::Picture> benchmark_pictures(const std::vector<RunData>& runs) {
  std::vector<charts::Picture> pictures;
  for (size_t i = 0; i < runs.size(); ++i) {
    pictures.push_back(ruler_picture(runs[i], i == 0 ? "ruler" : fmt::format("ruler-{}", i + 1)));
    if (pictures.back().svg.empty()) pictures.pop_back();
  }
  pictures.push_back(other_figures(runs));
  if (pictures.back().table.rows.empty()) pictures.pop_back();
  return pictures;
}

}  // namespace ropeway::page
