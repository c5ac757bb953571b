#include "trainer/evaluate/benchmark.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/files.h"
#include "trainer/report/progress_line.h"
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

std::vector<BenchmarkFigures> evaluate_benchmarks(const Mesh& mesh, const std::vector<BenchmarkCell>& cells,
                                                  const BenchmarkControl& control) {
  Communicator& world = mesh.world();
  ProgressLine progress(world.rank() == 0);
  std::vector<BenchmarkFigures> results;
  size_t found = 0;
  for (const BenchmarkCell& cell : cells) {
    const std::string of = describe(cell, control.weights);
    const std::string* known = control.kept == nullptr ? nullptr : control.kept->find(of);
    const bool finished_earlier = known != nullptr;
    if (finished_earlier) {
      results.push_back({cell.label, numbers_of(*known)});
      ++found;
    } else {
      const std::string what = fmt::format("{}: {}", control.name, cell.label.task);
      progress.update(
          control.name, std::ssize(results), std::ssize(cells),
          fmt::format("{} at {} tokens, factors {}", cell.label.task, cell.label.length, cell.label.factors));
      results.push_back({cell.label, cell.run([&](int64_t done, int64_t total) {
                           progress.update(
                               what, done, total,
                               fmt::format("{} tokens, factors {}", cell.label.length, cell.label.factors));
                         })});
      if (control.kept != nullptr) control.kept->add(of, figures_json(results.back().numbers));
    }
    if (control.finished) control.finished(results.back());
    progress.update(control.name, std::ssize(results), std::ssize(cells), summary(results.back()));
    if (!finished_earlier && any_rank(world, control.stop_requested && control.stop_requested())) {
      progress.finish();
      fail(ErrorKind::kStopped, control.kept == nullptr ? WayOut::kNone : WayOut::kRunAgain,
           "{}: stopped on request after {} of {} benchmarks", control.name, results.size(), cells.size());
    }
  }
  progress.finish();
  if (found > 0 && world.rank() == 0) {
    log_info("{}: {} of {} benchmarks were finished earlier", control.name, found, cells.size());
  }
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
