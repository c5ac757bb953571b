#include "trainer/report/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ropeway {
namespace {

std::string cell(const EvaluationRecord& record) {
  const std::string bits = record.bits_per_byte < 0 ? "-" : fmt::format("{:.3f}", record.bits_per_byte);
  return record.passkey < 0 ? bits : fmt::format("{} {:>3.0f}%", bits, 100 * record.passkey);
}

}  // namespace

std::string result_table(const std::vector<EvaluationRecord>& evaluations) {
  if (evaluations.empty()) return "";
  std::set<int64_t> lengths;
  std::vector<std::pair<std::string, std::string>> rows;  // model, factors: in order of appearance
  size_t name_width = 6;
  for (const EvaluationRecord& record : evaluations) {
    lengths.insert(record.length);
    const std::pair<std::string, std::string> row{record.model, record.factors};
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
    name_width = std::max(name_width, record.factors.size());
  }

  std::string text = fmt::format("{:<6} {:<{}}", "model", "factors", name_width);
  for (const int64_t length : lengths) text += fmt::format(" {:>11}", length);
  text += "\n";
  for (const auto& [model, factors] : rows) {
    text += fmt::format("{:<6} {:<{}}", model, factors, name_width);
    for (const int64_t length : lengths) {
      // The latest measurement wins: an evaluation repeated after an interruption replaces the earlier one.
      const auto found =
          std::find_if(evaluations.rbegin(), evaluations.rend(), [&](const EvaluationRecord& record) {
            return record.model == model && record.factors == factors && record.length == length;
          });
      text += fmt::format(" {:>11}", found == evaluations.rend() ? "" : cell(*found));
    }
    text += "\n";
  }
  return text +
         "bits per byte on the test text (less is better), and passkey retrieval; columns are tokens\n";
}

}  // namespace ropeway
