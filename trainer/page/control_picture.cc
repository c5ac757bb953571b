#include "trainer/page/control_picture.h"

#include <fmt/format.h>

#include "trainer/charts/interval_chart.h"
#include "trainer/charts/number_text.h"
#include "trainer/config/evaluate_choices.h"

namespace ropeway::page {
namespace {

// What a control asks and when it passes; "" for one that this program does not know.
std::string question_of(const std::string& control) {
  if (control == word_of(ControlKind::kCrop)) {
    return "loss with the whole text less loss with its last window alone; passes below 0";
  }
  if (control == word_of(ControlKind::kForeignPrefix)) {
    return "loss with foreign text in front less loss with the true one; passes above 0";
  }
  if (control == word_of(ControlKind::kRepetition)) {
    return "least gain from a passage that stands further up once more; passes above 0";
  }
  if (control == word_of(ControlKind::kConfusableKeys)) {
    return "share of answers right where keys differ by one letter; passes above the share of guesses";
  }
  return "";
}

std::string interval_text(const ControlRecord& control) {
  if (!control.interval) return "";
  return fmt::format("{:.3f} to {:.3f}", control.interval->low, control.interval->high);
}

}  // namespace

std::vector<charts::Picture> control_pictures(const std::vector<RunData>& runs) {
  charts::Picture picture{
      .id = "controls",
      .title = "Controls",
      .caption =
          "Whether text further back than the base window is worth something to the model, with 95 % "
          "intervals. The dashed line is no difference.",
      .svg = "",
      .table = {.head = {"control", "factors", "length", "asks", "figure", "95 % interval", "verdict"},
                .rows = {},
                .text_columns = 4}};
  charts::IntervalChart chart{.id = picture.id, .title = picture.title, .description = picture.caption};
  chart.x_title = "nats per token";
  for (const RunData& run : runs) {
    for (const EvaluationRecord& record : run.report.evaluations) {
      for (const ControlRecord& control : record.controls) {
        const std::string length = charts::length_text(static_cast<double>(record.length));
        const std::string of = run.label.empty() ? record.factors : record.factors + " (" + run.label + ")";
        const std::string verdict = control.passed ? "passed" : "failed";
        picture.table.rows.push_back({control.name, of, length, question_of(control.name),
                                      fmt::format("{:.3f}", control.figure), interval_text(control),
                                      verdict});
        if (control.name == word_of(ControlKind::kConfusableKeys)) continue;  // a share, on no axis with nats
        const Interval interval = control.interval.value_or(Interval{control.figure, control.figure});
        chart.rows.push_back({fmt::format("{}, {} at {}", control.name, of, length), control.figure,
                              interval.low, interval.high, control.passed, verdict,
                              question_of(control.name)});
      }
    }
  }
  picture.svg = charts::svg_of(chart);
  if (picture.table.rows.empty()) return {};
  return {picture};
}

}  // namespace ropeway::page
