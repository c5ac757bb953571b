#include "trainer/report/evaluations.h"

#include <algorithm>

namespace ropeway {

double figure_or(const EvaluationRecord& record, const std::string& name, double otherwise) {
  const auto found = std::ranges::find(record.figures, name, &FigureRecord::name);
  return found == record.figures.end() ? otherwise : found->value;
}

const EvaluationRecord* best_evaluation(const std::vector<EvaluationRecord>& evaluations,
                                        const std::string& model, const std::string& factors, int64_t length,
                                        bool (*measured)(const EvaluationRecord&)) {
  const EvaluationRecord* best = nullptr;
  for (const EvaluationRecord& record : evaluations) {
    const bool asked_for = record.model == model && (factors.empty() || record.factors == factors) &&
                           record.length == length && measured(record);
    if (!asked_for) continue;
    if (best == nullptr || figure_or(record, "targets", 0) >= figure_or(*best, "targets", 0)) best = &record;
  }
  return best;
}

bool has_bits(const EvaluationRecord& record) { return record.bits_per_byte >= 0; }
bool has_passkey(const EvaluationRecord& record) { return record.passkey >= 0; }

}  // namespace ropeway
