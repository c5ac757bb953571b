#include "trainer/page/retrieval_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "trainer/charts/heat_map.h"
#include "trainer/charts/number_text.h"
#include "trainer/rope/schedules.h"

namespace ropeway::page {
namespace {

using charts::HeatCell;
using charts::HeatMap;

struct Column {
  std::string factors;
  const DepthShares* shares;
};

// The newest figures of each factor set and length, sets in the order they were evaluated.
std::vector<Column> columns_of(const RunData& run) {
  std::vector<std::string> order;
  std::map<std::string, std::map<int64_t, const DepthShares*>> sets;
  for (const DepthShares& cell : run.depths) {
    if (std::ranges::find(order, cell.factors) == order.end()) order.push_back(cell.factors);
    sets[cell.factors][cell.length] = &cell;
  }
  std::vector<Column> columns;
  for (const std::string& factors : order) {
    for (const auto& [length, cell] : sets[factors]) {
      columns.push_back({factors == kOriginalRope ? "original RoPE" : factors, cell});
    }
  }
  return columns;
}

int percent_of(double depth) { return static_cast<int>(std::lround(100 * depth)); }

HeatCell cell_of(double share, double samples, const std::string& where) {
  const double right = std::round(share * samples);
  return {true, share, fmt::format("{:.0f}/{:.0f}", right, samples),
          fmt::format("{}: {:.0f} of {:.0f} found", where, right, samples)};
}

HeatCell cell_at(const Column& column, int percent) {
  const DepthShares& figures = *column.shares;
  for (size_t i = 0; i < figures.depths.size(); ++i) {
    if (percent_of(figures.depths[i]) != percent) continue;
    return cell_of(figures.shares[i], static_cast<double>(figures.samples),
                   fmt::format("{}, {} tokens, depth {}%", column.factors,
                               charts::length_text(static_cast<double>(figures.length)), percent));
  }
  return {};
}

HeatCell all_depths(const Column& column) {
  double share = 0;
  for (const double one : column.shares->shares)
    share += one / static_cast<double>(column.shares->shares.size());
  return cell_of(share, static_cast<double>(column.shares->samples * std::ssize(column.shares->depths)),
                 fmt::format("{}, {} tokens, all depths", column.factors,
                             charts::length_text(static_cast<double>(column.shares->length))));
}

charts::Table table_of(const HeatMap& map) {
  charts::Table table{.head = {"depth"}, .rows = {}};
  for (const auto& column : map.columns) table.head.push_back(column.group + " at " + column.name);
  for (size_t r = 0; r < map.rows.size(); ++r) {
    std::vector<std::string> cells = {map.rows[r]};
    for (const HeatCell& cell : map.cells[r]) cells.push_back(cell.text);
    table.rows.push_back(cells);
  }
  return table;
}

}  // namespace

std::vector<charts::Picture> retrieval_pictures(const std::vector<RunData>& runs) {
  std::vector<charts::Picture> pictures;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::vector<Column> columns = columns_of(runs[i]);
    if (columns.empty()) continue;
    charts::Picture picture{
        .id = i == 0 ? "passkeys" : fmt::format("passkeys-{}", i + 1),
        .title = runs[i].label.empty() ? "Passkeys found" : fmt::format("Passkeys found, {}", runs[i].label),
        .caption =
            "Share of passkeys that the model repeats, by how deep in the text they stand (0% is its "
            "beginning) "
            "and the length of the text, for each factor set.",
        .svg = "",
    };
    HeatMap map{.id = picture.id, .title = picture.title, .description = picture.caption};
    map.row_title = "depth";
    map.column_title = "factor set, and tokens of the text";
    std::set<int> percents;
    for (const Column& column : columns) {
      map.columns.push_back(
          {column.factors, charts::length_text(static_cast<double>(column.shares->length))});
      for (const double depth : column.shares->depths) percents.insert(percent_of(depth));
    }
    map.rows = {"all"};
    map.cells.emplace_back();
    for (const Column& column : columns) map.cells.back().push_back(all_depths(column));
    for (const int percent : percents) {
      map.rows.push_back(fmt::format("{}%", percent));
      map.cells.emplace_back();
      for (const Column& column : columns) map.cells.back().push_back(cell_at(column, percent));
    }
    picture.svg = charts::svg_of(map);
    picture.table = table_of(map);
    pictures.push_back(picture);
  }
  return pictures;
}

}  // namespace ropeway::page
