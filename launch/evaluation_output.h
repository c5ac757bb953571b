// What `ropeway evaluate` says of its figures: JSON, and the table with its lines on standard output. Bits per byte are
// left out where the text of the tokens is unknown (bytes_are_known: false).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "trainer/evaluate/evaluator.h"

namespace ropeway {

// [{"length", "factors", "nll", "nll_95", ...}, ...]; null where a figure is not finite.
nlohmann::ordered_json evaluations_json(const std::vector<EvaluatedCell>& results, bool bytes_are_known);
// [{"length", "factors", "against_length", "against", "nll", "nll_95"}, ...]
nlohmann::ordered_json differences_json(const std::vector<EvaluatedCell>& results,
                                        const std::vector<ComparedCells>& differences);

std::string evaluation_table(const std::vector<EvaluatedCell>& results, bool bytes_are_known);
// A line each: "yarn at 2048 against none at 2048: -0.0123 nats/token (-0.0150 to -0.0096)".
std::string difference_lines(const std::vector<EvaluatedCell>& results,
                             const std::vector<ComparedCells>& differences);
// A line each: "control crop of yarn at 2048: passed, -0.0123 (-0.0150 to -0.0096)".
std::string control_lines(const std::vector<EvaluatedCell>& results);

}  // namespace ropeway
