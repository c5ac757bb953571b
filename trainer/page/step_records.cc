#include "trainer/page/step_records.h"

#include <nlohmann/json.hpp>

#include "trainer/page/json_lines.h"

namespace ropeway::page {
namespace {

PageStep step_of(const nlohmann::json& record) {
  PageStep step{.stage = record.value("stage", ""),
                .step = record.value("step", int64_t{0}),
                .total_steps = record.value("total_steps", int64_t{0}),
                .loss = number_at(record, "loss"),
                .learning_rate = number_at(record, "lr"),
                .gradient_norm = number_at(record, "grad_norm"),
                .tokens_per_second = number_at(record, "tokens_per_second"),
                .seconds = number_at(record, "seconds"),
                .peak_memory_bytes = number_at(record, "peak_memory_bytes"),
                .phases = {}};
  if (const auto phases = record.find("time_seconds"); phases != record.end() && phases->is_object()) {
    for (const auto& [name, seconds] : phases->items()) {
      if (seconds.is_number()) step.phases.emplace_back(name, seconds.get<double>());
    }
  }
  return step;
}

}  // namespace

Metrics read_metrics(const std::filesystem::path& file) {
  Metrics metrics;
  for_each_record(file, [&](const nlohmann::json& record) {
    // Records of the first version, which held steps only, have no kind.
    const std::string kind = record.value("kind", "step");
    if (kind == "step" && record.contains("step")) metrics.steps.push_back(step_of(record));
    if (kind == "resume")
      metrics.resumes.push_back({record.value("stage", ""), record.value("step", int64_t{0})});
  });
  return metrics;
}

}  // namespace ropeway::page
