#include "trainer/benchmarks/choice_cells.h"

#include <nlohmann/json.hpp>

namespace ropeway {
namespace {

NamedNumbers numbers_of(const ChoiceResult& result) {
  return {{"accuracy", result.accuracy.share},
          {"accuracy_low", result.accuracy.low},
          {"accuracy_high", result.accuracy.high},
          {"accuracy_norm", result.accuracy_norm.share},
          {"accuracy_norm_low", result.accuracy_norm.low},
          {"accuracy_norm_high", result.accuracy_norm.high},
          {"right_nll", result.right_nll},
          {"samples", static_cast<double>(result.questions)},
          {"cut", static_cast<double>(result.cut)}};
}

}  // namespace

std::vector<BenchmarkCell> choice_cells(const BenchmarkInputs& inputs, const std::vector<ChoiceTask>& tasks,
                                        const std::vector<EvaluationCell>& at) {
  std::vector<BenchmarkCell> cells;
  for (const EvaluationCell& cell : at) {
    for (const ChoiceTask& task : tasks) {
      const BenchmarkLabel label = {BenchmarkKind::kChoices, task.name, cell.name, cell.length};
      const nlohmann::json of = {{"file_sha256", task.sha256},
                                 {"questions", task.questions.size()},
                                 {"start", inputs.start},
                                 {"prefix", inputs.prefix},
                                 {"tokenizer", inputs.tokenizer.fingerprint()}};
      const auto run = [&inputs, &task, label, factors = cell.factors](const CellTools& tools) {
        const PairOptions options = {.start = inputs.start, .prefix = inputs.prefix, .window = label.length};
        const ChoiceResult result =
            evaluate_choices(tools.scores(factors, false), inputs.tokenizer, task, options, tools.tell());
        if (inputs.scored) inputs.scored(task, label, result);
        return numbers_of(result);
      };
      cells.push_back({label, cell.factors, of.dump(), run});
    }
  }
  return cells;
}

}  // namespace ropeway
