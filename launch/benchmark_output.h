// What `ropeway evaluate` writes of benchmarks: JSON, a table's records, and the scores of single answers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "trainer/benchmarks/benchmark.h"
#include "trainer/benchmarks/choice_eval.h"
#include "trainer/report/reporter.h"

namespace ropeway {

std::vector<BenchmarkRecord> records_of(const std::vector<BenchmarkFigures>& figures);

// [{"benchmark", "task", "factors", "length", "numbers": {...}}, ...]
nlohmann::ordered_json benchmarks_json(const std::vector<BenchmarkFigures>& figures);

// A line per answer: {"task", "factors", "question", "answer", "loglikelihood", "is_greedy", "tokens"}.
std::string choice_scores_text(const ChoiceTask& task, const BenchmarkLabel& label,
                               const ChoiceResult& result);

}  // namespace ropeway
