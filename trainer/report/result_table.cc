#include "trainer/report/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "trainer/report/evaluations.h"

namespace ropeway {
namespace {

// Half of an interval's width behind the figure: "1.920±0.012".
std::string cell(const EvaluationRecord& record) {
  std::string bits = record.bits_per_byte < 0 ? "-" : fmt::format("{:.3f}", record.bits_per_byte);
  if (const auto& interval = record.bits_interval) {
    bits += fmt::format("±{:.3f}", (interval->high - interval->low) / 2);
  }
  return record.passkey < 0 ? bits : fmt::format("{} {:>3.0f}%", bits, 100 * record.passkey);
}

// Lines below the table: "controls  tuned  searched_64x  16384: crop passed -0.031 (-0.040 to -0.022)".
std::string control_lines(const std::vector<EvaluationRecord>& evaluations) {
  std::string text;
  for (const EvaluationRecord& record : evaluations) {
    for (const ControlRecord& control : record.controls) {
      text += fmt::format("control {} of {} {} at {}: {}, {:.4f}", control.name, record.model, record.factors,
                          record.length, control.passed ? "passed" : "FAILED", control.figure);
      if (const auto& interval = control.interval) {
        text += fmt::format(" ({:.4f} to {:.4f})", interval->low, interval->high);
      }
      text += "\n";
    }
  }
  return text;
}

bool is_measured(const EvaluationRecord&) { return true; }

constexpr size_t kLeastWidth = 11;

// fmt counts the code points of a text, and so does a terminal.
size_t widest_cell(const std::vector<EvaluationRecord>& evaluations) {
  size_t width = kLeastWidth;
  for (const EvaluationRecord& record : evaluations) {
    const std::string text = cell(record);
    const auto continued = std::ranges::count_if(text, [](char c) { return (c & 0xC0) == 0x80; });
    width = std::max(width, text.size() - static_cast<size_t>(continued));
  }
  return width;
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
  const size_t width = widest_cell(evaluations);
  for (const int64_t length : lengths) text += fmt::format(" {:>{}}", length, width);
  text += "\n";
  for (const auto& [model, factors] : rows) {
    text += fmt::format("{:<6} {:<{}}", model, factors, name_width);
    for (const int64_t length : lengths) {
      const EvaluationRecord* found = best_evaluation(evaluations, model, factors, length, is_measured);
      text += fmt::format(" {:>{}}", found == nullptr ? "" : cell(*found), width);
    }
    text += "\n";
  }
  const bool has_intervals = std::ranges::any_of(
      evaluations, [](const EvaluationRecord& record) { return record.bits_interval.has_value(); });
  return text +
         fmt::format(
             "bits per byte on the test text (less is better{}), and passkey retrieval; columns are tokens\n",
             has_intervals ? "; ± half of the 95% interval" : "") +
         control_lines(evaluations);
}

}  // namespace ropeway
