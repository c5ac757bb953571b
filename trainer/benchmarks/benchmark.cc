#include "trainer/benchmarks/benchmark.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;  // sorted keys: equal objects have equal texts

// Everything the figures of a cell depend on; not the number of ranks, with which they agree within rounding.
std::string describe(const BenchmarkCell& cell, const std::string& weights) {
  Json of = Json::parse(cell.of);
  of["kind"] = word_of(cell.label.kind);
  of["task"] = cell.label.task;
  of["length"] = cell.label.length;
  of["factors"] = cell.factors.name;
  of["factors_sha256"] = sha256_of(factor_sets_to_json({cell.factors}));
  of["weights"] = weights;
  return of.dump();
}

std::string figures_json(const NamedNumbers& numbers) {
  Json figures = Json::array();
  for (const auto& [name, value] : numbers) figures.push_back({name, value});
  return figures.dump();
}

NamedNumbers numbers_of(const std::string& figures) {
  NamedNumbers numbers;
  for (const Json& entry : Json::parse(figures)) {
    numbers.emplace_back(entry.at(0).get<std::string>(), entry.at(1).get<double>());
  }
  return numbers;
}

std::string summary(const BenchmarkFigures& figures) {
  const auto& [name, value] = figures.numbers.front();
  return fmt::format("{} at {} tokens, factors {}: {} {:.4g}", figures.label.task, figures.label.length,
                     figures.label.factors, name, value);
}

}  // namespace

std::vector<BenchmarkFigures> evaluate_benchmarks(CausalLM& model, const Mesh& mesh,
                                                  const std::vector<BenchmarkCell>& cells,
                                                  const BenchmarkControl& control) {
  std::vector<BenchmarkFigures> results;
  const auto at = [&](int64_t cell) -> const BenchmarkCell& { return cells[static_cast<size_t>(cell)]; };
  WalkControl walk = control.walk;
  walk.cells = "benchmarks";
  walk_cells(model, mesh, walk, control.kept != nullptr,
             {.count = std::ssize(cells),
              .take_kept =
                  [&](int64_t cell) {
                    if (control.kept == nullptr) return false;
                    const std::string* known = control.kept->find(describe(at(cell), walk.weights));
                    if (known != nullptr) results.push_back({at(cell).label, numbers_of(*known)});
                    return known != nullptr;
                  },
              .run =
                  [&](int64_t cell, const CellTools& tools) {
                    results.push_back({at(cell).label, at(cell).run(tools)});
                    if (control.kept == nullptr) return;
                    control.kept->add(describe(at(cell), walk.weights), figures_json(results.back().numbers));
                  },
              .finished =
                  [&](int64_t) {
                    if (control.finished) control.finished(results.back());
                  },
              .describe =
                  [&](int64_t cell) {
                    const BenchmarkLabel& label = at(cell).label;
                    return fmt::format("{} at {} tokens, factors {}", label.task, label.length,
                                       label.factors);
                  },
              .summary = [&](int64_t) { return summary(results.back()); }});
  return results;
}

double number_of(const NamedNumbers& numbers, const std::string& name) {
  const auto number = std::ranges::find(numbers, name, &std::pair<std::string, double>::first);
  ROPEWAY_CHECK(number != numbers.end(), "no number {}", name);
  return number->second;
}

const char* word_of(BenchmarkKind kind) {
  switch (kind) {
    case BenchmarkKind::kChoices:
      return "choices";
    case BenchmarkKind::kRuler:
      return "ruler";
    case BenchmarkKind::kLongPpl:
      return "longppl";
  }
  return "";
}

}  // namespace ropeway
