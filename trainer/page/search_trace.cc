#include "trainer/page/search_trace.h"

#include <nlohmann/json.hpp>

#include "trainer/page/json_lines.h"

namespace ropeway::page {

SearchTrace read_search_trace(const std::filesystem::path& file, const std::string& stage) {
  SearchTrace trace{.stage = stage, .evaluations = {}};
  double spent = 0;
  for_each_record(file, [&](const nlohmann::json& record) {
    const double cost = number_at(record, "forward_equivalents");
    spent += cost >= 0 ? cost : 0;
    SearchEvaluation evaluation{.phase = record.value("phase", ""),
                                .origin = record.value("origin", ""),
                                .length = record.value("length", int64_t{0}),
                                .documents = {},
                                .held_out = record.contains("held_out"),
                                .loss = number_at(record, "fitness"),
                                .tail = number_at(record, "tail"),
                                .needle = number_at(record, "needle"),
                                .temperature = number_at(record, "temperature"),
                                .spent = spent};
    const char* key = evaluation.held_out ? "held_out" : "documents";
    if (record.contains(key)) evaluation.documents = record.at(key).get<std::vector<int64_t>>();
    trace.evaluations.push_back(std::move(evaluation));
  });
  return trace;
}

}  // namespace ropeway::page
