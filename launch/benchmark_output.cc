#include "launch/benchmark_output.h"

#include <nlohmann/json.hpp>

namespace ropeway {

using Json = nlohmann::ordered_json;

std::vector<BenchmarkRecord> records_of(const std::vector<BenchmarkFigures>& figures) {
  std::vector<BenchmarkRecord> records;
  for (const auto& [label, numbers] : figures) {
    records.push_back({.stage = "",
                       .model = "",
                       .benchmark = word_of(label.kind),
                       .task = label.task,
                       .factors = label.factors,
                       .length = label.length,
                       .numbers = numbers});
  }
  return records;
}

Json benchmarks_json(const std::vector<BenchmarkFigures>& figures) {
  Json all = Json::array();
  for (const auto& [label, numbers] : figures) {
    Json entry{{"benchmark", word_of(label.kind)},
               {"task", label.task},
               {"factors", label.factors},
               {"length", label.length},
               {"numbers", Json::object()}};
    for (const auto& [name, value] : numbers) entry["numbers"][name] = value;
    all.push_back(entry);
  }
  return all;
}

std::string choice_scores_text(const ChoiceTask& task, const BenchmarkLabel& label,
                               const ChoiceResult& result) {
  std::string text;
  for (size_t q = 0; q < result.scores.size(); ++q) {
    for (size_t o = 0; o < result.scores[q].size(); ++o) {
      const OptionScore& score = result.scores[q][o];
      text += Json{{"task", task.name},
                   {"factors", label.factors},
                   {"question", q},
                   {"answer", o},
                   {"loglikelihood", score.loglikelihood},
                   {"is_greedy", score.is_greedy},
                   {"tokens", score.tokens}}
                  .dump() +
              "\n";
    }
  }
  return text;
}

}  // namespace ropeway
