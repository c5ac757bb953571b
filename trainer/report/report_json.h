// report.json's keys. "base_window" is read, and written by who writes the file: a stage's part has none.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "trainer/report/run_report.h"

namespace ropeway {

nlohmann::ordered_json to_json(const EvaluationRecord& record);
nlohmann::ordered_json to_json(const RunReport& report);
// Throws nlohmann::json::exception where a value is of another kind.
RunReport report_from_json(const nlohmann::ordered_json& report);

}  // namespace ropeway
