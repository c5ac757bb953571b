#include "trainer/benchmarks/longppl_cells.h"

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

NamedNumbers numbers_of(const LongPplResult& result) {
  NamedNumbers numbers;
  if (result.key_tokens > 0) numbers.emplace_back("longppl", result.longppl);
  numbers.emplace_back("key_tokens", static_cast<double>(result.key_tokens));
  numbers.emplace_back("targets", static_cast<double>(result.targets));
  numbers.emplace_back("perplexity", result.perplexity);
  numbers.emplace_back("windows", static_cast<double>(result.windows));
  for (const LossAtDistance& bucket : result.by_distance) {
    numbers.emplace_back(fmt::format("nll_from_{}", bucket.from), bucket.nll);
  }
  return numbers;
}

}  // namespace

std::vector<BenchmarkCell> longppl_cells(const BenchmarkInputs& inputs, const LongPplOptions& settings,
                                         const std::vector<EvaluationCell>& at) {
  std::vector<BenchmarkCell> cells;
  for (const EvaluationCell& cell : at) {
    LongPplOptions options = settings;
    options.length = cell.length;
    options.start = inputs.start;
    if (cell.length <= std::ssize(options.start) + options.short_tokens) continue;
    ROPEWAY_CHECK(inputs.documents != nullptr, "LongPPL without a text");
    const BenchmarkLabel label = {BenchmarkKind::kLongPpl, "longppl", cell.name, cell.length};
    const nlohmann::json of = {{"data", inputs.documents->fingerprint()},
                               {"windows", options.max_windows},
                               {"short", options.short_tokens},
                               {"stride", options.stride},
                               {"gain", options.gain},
                               {"floor", options.floor},
                               {"evaluator", inputs.evaluator},
                               {"start", options.start}};
    const auto run = [&inputs, options, factors = cell.factors](const CellTools& tools) {
      const auto windows = longppl_windows(*inputs.documents, options);
      KeyTokensOfWindows keys;
      if (inputs.find_keys) keys = inputs.find_keys(windows, options, tools.tell());
      return numbers_of(
          evaluate_longppl(tools.scores(factors), windows, options, inputs.find_keys ? &keys : nullptr));
    };
    cells.push_back({label, cell.factors, of.dump(), run});
  }
  return cells;
}

}  // namespace ropeway
