#include "trainer/page/factor_pictures.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/charts/line_chart.h"
#include "trainer/charts/number_text.h"
#include "trainer/rope/schedules.h"

namespace ropeway::page {
namespace {

using charts::LineChart;
using charts::LineStyle;
using charts::Picture;

// A line of both pictures.
struct Curve {
  std::string name;
  std::vector<double> factors;  // one per pair
  bool formula = false;
};

struct SetPictures {
  std::string name;
  RopeGeometry geometry;
  int64_t length = 0;
  std::vector<Curve> curves;
  bool layered = false;  // factors per layer, of which the mean is drawn
};

// Of factors per layer the geometric mean over layers would be as good; the mean is what a table can repeat.
std::vector<double> mean_over_layers(const std::vector<double>& factors, size_t pairs) {
  std::vector<double> mean(pairs);
  const double layers = static_cast<double>(factors.size() / pairs);
  for (size_t i = 0; i < factors.size(); ++i) mean[i % pairs] += factors[i] / layers;
  return mean;
}

bool is_found(const FactorSet& set) {
  return set.history.method.starts_with("search") && !set.factors.empty();
}

// Sets that weights were tuned under are the found ones once more.
std::string name_with_tuned(const FactorSet& set, const std::vector<FactorSet>& sets) {
  std::string name = set.name;
  for (const FactorSet& other : sets) {
    if (other.name != set.name && other.factors == set.factors) name += " = " + other.name;
  }
  return name;
}

// A set with factors per layer has a multiple of the pairs of the smallest one; sets of one model agree on pairs.
size_t pairs_of(const std::vector<FactorSet>& sets) {
  size_t pairs = 0;
  for (const FactorSet& set : sets) {
    if (!set.factors.empty()) pairs = pairs == 0 ? set.factors.size() : std::min(pairs, set.factors.size());
  }
  return pairs;
}

SetPictures start_pictures(const FactorSet& set, size_t pairs) {
  SetPictures result{.name = set.name,
                     .geometry = {.pairs = static_cast<int64_t>(pairs),
                                  .theta = set.rope_theta,
                                  .original_length = set.original_length},
                     .length = set.max_length,
                     .curves = {},
                     .layered = set.factors.size() > pairs};
  return result;
}

std::vector<SetPictures> collect(const std::vector<RunData>& runs) {
  std::vector<SetPictures> all;
  for (const RunData& run : runs) {
    const size_t pairs = pairs_of(run.sets);
    for (const FactorSet& set : run.sets) {
      if (!is_found(set)) continue;
      auto pictures = std::ranges::find(all, set.name, &SetPictures::name);
      if (pictures == all.end()) pictures = all.insert(all.end(), start_pictures(set, pairs));
      if (static_cast<size_t>(pictures->geometry.pairs) != pairs) continue;
      pictures->curves.push_back(
          {run.label.empty() ? name_with_tuned(set, run.sets) : fmt::format("{} ({})", set.name, run.label),
           mean_over_layers(set.factors, pairs)});
    }
  }
  // Within the base window every formula is the original RoPE.
  for (SetPictures& pictures : all) {
    if (pictures.length <= pictures.geometry.original_length) continue;
    for (const char* formula : {"pi", "ntk", "yarn"}) {
      pictures.curves.push_back(
          {formula, computed_factor_set(formula, pictures.geometry, pictures.length).factors, true});
    }
  }
  return all;
}

// The first pair that never finishes a turn within so many tokens; none: the number of pairs.
int64_t first_slow_pair(const RopeGeometry& geometry, int64_t tokens) {
  const std::vector<double> turns = periods(geometry);
  const auto slow =
      std::ranges::find_if(turns, [&](double turn) { return turn > static_cast<double>(tokens); });
  return slow - turns.begin();
}

LineChart empty_chart(const SetPictures& set) {
  LineChart chart;
  chart.x_title = "rotary pair (fast on the left, slow on the right)";
  chart.height = 300;
  chart.x_low = 0;
  const int64_t pairs = set.geometry.pairs;
  const int64_t window = first_slow_pair(set.geometry, set.geometry.original_length);
  const int64_t target = first_slow_pair(set.geometry, set.length);
  if (window < pairs)
    chart.marks.push_back({static_cast<double>(window), fmt::format("critical pair {}", window)});
  if (target < pairs && target > window) {
    chart.marks.push_back(
        {static_cast<double>(target),
         fmt::format("turns over {}", charts::length_text(static_cast<double>(set.length)))});
  }
  return chart;
}

void add_curves(LineChart& chart, const SetPictures& set, const std::vector<std::vector<double>>& values) {
  int found = 0, formula = 0;
  constexpr int kFoundColours[] = {0, 1}, kFormulaColours[] = {6, 4, 3};
  for (size_t i = 0; i < set.curves.size(); ++i) {
    const Curve& curve = set.curves[i];
    charts::Series series{curve.name,
                          curve.formula ? kFormulaColours[formula++ % 3] : kFoundColours[found++ % 2],
                          curve.formula ? LineStyle::kDashed : LineStyle::kSolid,
                          {}};
    for (size_t pair = 0; pair < values[i].size(); ++pair) {
      charts::Point point{static_cast<double>(pair), values[i][pair]};
      if (!curve.formula) {
        point.tip = fmt::format("{}, pair {}: {}", curve.name, pair, charts::figure_text(values[i][pair]));
      }
      series.points.push_back(point);
    }
    chart.series.push_back(series);
  }
}

charts::Table table_of(const SetPictures& set, const std::vector<std::vector<double>>& values) {
  charts::Table table{.head = {"pair"}, .rows = {}};
  for (const Curve& curve : set.curves) table.head.push_back(curve.name);
  for (size_t pair = 0; pair < static_cast<size_t>(set.geometry.pairs); ++pair) {
    std::vector<std::string> cells = {fmt::format("{}", pair)};
    for (const auto& curve : values) cells.push_back(charts::figure_text(curve[pair], 5));
    table.rows.push_back(cells);
  }
  return table;
}

// Letters, digits and '-' only.
std::string id_text(const std::string& name) {
  std::string id;
  for (const char c : name) id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return id;
}

Picture factors_picture(const SetPictures& set) {
  Picture picture{
      .id = "factors-" + id_text(set.name),
      .title = fmt::format("Factors of {} for {} tokens", set.name,
                           charts::length_text(static_cast<double>(set.length))),
      .caption = fmt::format("By how much each rotary pair is slowed down, and what formulas give for the "
                             "same length. From the critical pair on, no pair finishes a turn within the "
                             "base window.{}",
                             set.layered ? " Each layer has its own factors; drawn is their mean." : ""),
      .svg = "",
  };
  LineChart chart = empty_chart(set);
  chart.id = picture.id;
  chart.title = picture.title;
  chart.description = picture.caption;
  chart.y_title = "factor";
  std::vector<std::vector<double>> values;
  double most = 1;
  for (const Curve& curve : set.curves) {
    values.push_back(curve.factors);
    most = std::max(most, std::ranges::max(curve.factors));
  }
  if (most > 3) chart.y_scale = charts::Scale::kLog2;
  add_curves(chart, set, values);
  picture.svg = charts::svg_of(chart);
  picture.table = table_of(set, values);
  return picture;
}

Picture periods_picture(const SetPictures& set) {
  Picture picture{
      .id = "periods-" + id_text(set.name),
      .title = fmt::format("Periods under {}", set.name),
      .caption = "Tokens that each rotary pair takes for one turn; \"before\" is the original RoPE.",
      .svg = "",
  };
  SetPictures with_original = set;
  with_original.curves.push_back({"before", identity_factors(set.geometry.pairs), true});
  LineChart chart = empty_chart(set);
  chart.id = picture.id;
  chart.title = picture.title;
  chart.description = picture.caption;
  chart.y_title = "tokens per turn";
  chart.y_scale = charts::Scale::kLog2;
  chart.levels.push_back(
      {static_cast<double>(set.geometry.original_length),
       fmt::format("window {}", charts::length_text(static_cast<double>(set.geometry.original_length)))});
  if (set.length > set.geometry.original_length) {
    chart.levels.push_back({static_cast<double>(set.length),
                            fmt::format("target {}", charts::length_text(static_cast<double>(set.length)))});
  }
  std::vector<std::vector<double>> values;
  for (const Curve& curve : with_original.curves) values.push_back(periods(set.geometry, curve.factors));
  add_curves(chart, with_original, values);
  picture.svg = charts::svg_of(chart);
  picture.table = table_of(with_original, values);
  return picture;
}

}  // namespace

std::vector<Picture> factor_pictures(const std::vector<RunData>& runs) {
  std::vector<Picture> pictures;
  for (const SetPictures& set : collect(runs)) {
    if (set.curves.empty() || set.curves.front().formula) continue;
    pictures.push_back(factors_picture(set));
    pictures.push_back(periods_picture(set));
  }
  return pictures;
}

}  // namespace ropeway::page
