// Which of several evaluations of the same factors at the same length speaks for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/report/reporter.h"

namespace ropeway {

// The figure's value; `otherwise` where the record lacks it.
double figure_or(const EvaluationRecord& record, const std::string& name, double otherwise);

// Of the evaluations of a model under these factors (empty: under any) at this length, for which `measured` holds:
// the one that scored the most targets; of several the latest. nullptr: none.
const EvaluationRecord* best_evaluation(const std::vector<EvaluationRecord>& evaluations,
                                        const std::string& model, const std::string& factors, int64_t length,
                                        bool (*measured)(const EvaluationRecord&));

bool has_bits(const EvaluationRecord& record);
bool has_passkey(const EvaluationRecord& record);

}  // namespace ropeway
