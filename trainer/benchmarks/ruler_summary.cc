#include "trainer/benchmarks/ruler_summary.h"

#include <algorithm>
#include <map>
#include <set>

namespace ropeway {
namespace {

using ByLength = std::map<int64_t, std::map<std::string, double>>;  // length -> task -> score

std::set<std::string> tasks_in_common(const ByLength& scores) {
  std::set<std::string> tasks;
  for (const auto& [task, score] : scores.begin()->second) tasks.insert(task);
  for (const auto& [length, by_task] : scores) {
    std::erase_if(tasks, [&](const std::string& task) { return !by_task.contains(task); });
  }
  return tasks;
}

void summarise(const std::string& factors, const ByLength& scores, std::vector<BenchmarkFigures>& rows) {
  const std::set<std::string> tasks = tasks_in_common(scores);
  if (tasks.empty()) return;
  double rising = 0, falling = 0, weights = 0;
  int64_t effective = 0;
  bool holds = true;
  size_t place = 0;
  for (const auto& [length, by_task] : scores) {
    double average = 0;
    for (const std::string& task : tasks) average += by_task.at(task);
    average /= static_cast<double>(tasks.size());
    rows.push_back({{BenchmarkKind::kRuler, "ruler average", factors, length}, {{"score", average}}});
    ++place;
    weights += static_cast<double>(place);
    rising += static_cast<double>(place) * average;
    falling += static_cast<double>(scores.size() + 1 - place) * average;
    holds = holds && average >= kEffectiveScore;
    if (holds) effective = length;
  }
  rows.push_back({{BenchmarkKind::kRuler, "ruler overall", factors, scores.rbegin()->first},
                  {{"wavg_inc", rising / weights},
                   {"wavg_dec", falling / weights},
                   {"effective_length", static_cast<double>(effective)},
                   {"tasks", static_cast<double>(tasks.size())}}});
}

// Several names, and no length has two of them.
bool is_one_schedule(const std::vector<BenchmarkFigures>& figures) {
  std::map<int64_t, std::set<std::string>> names;
  std::set<std::string> all;
  for (const auto& [label, numbers] : figures) {
    if (label.kind != BenchmarkKind::kRuler) continue;
    names[label.length].insert(label.factors);
    all.insert(label.factors);
  }
  return all.size() > 1 &&
         std::ranges::all_of(names, [](const auto& entry) { return entry.second.size() == 1; });
}

}  // namespace

std::vector<BenchmarkFigures> ruler_summary(const std::vector<BenchmarkFigures>& figures) {
  const bool one = is_one_schedule(figures);
  std::map<std::string, ByLength> by_factors;
  std::vector<std::string> order;
  for (const auto& [label, numbers] : figures) {
    if (label.kind != BenchmarkKind::kRuler) continue;
    const std::string name = one ? "by length" : label.factors;
    if (!by_factors.contains(name)) order.push_back(name);
    by_factors[name][label.length][label.task] = number_of(numbers, "score");
  }
  std::vector<BenchmarkFigures> rows;
  for (const std::string& factors : order) summarise(factors, by_factors.at(factors), rows);
  return rows;
}

}  // namespace ropeway
