#include "trainer/page/schedule_picture.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "trainer/charts/number_text.h"
#include "trainer/charts/timeline.h"

namespace ropeway::page {
namespace {

using charts::duration_text;
using charts::length_text;

int colour_of(const std::string& kind) {
  if (kind == "search" || kind == "readjust") return 4;
  if (kind == "evaluate") return 2;
  return 0;
}

double number_of(const PageStage& stage, const std::string& name, double otherwise) {
  const auto found = std::ranges::find(stage.numbers, name, &std::pair<std::string, double>::first);
  return found == stage.numbers.end() ? otherwise : found->second;
}

// What came out of it, in a few words.
std::string outcome(const PageStage& stage) {
  const double loss = number_of(stage, "final_loss", -1), fitness = number_of(stage, "fitness", -1);
  if (loss >= 0) return fmt::format("loss {:.3f}, {:.0f} steps", loss, number_of(stage, "steps", 0));
  if (fitness < 0) return "";
  return fmt::format("loss {:.3f}, {:.0f} forward passes", fitness,
                     number_of(stage, "forward_equivalents", 0));
}

std::string lengths_text(const PageStage& stage) {
  if (stage.lengths.empty()) return "";
  const auto [low, high] = std::ranges::minmax(stage.lengths);
  return low == high ? length_text(static_cast<double>(low))
                     : fmt::format("{} to {}", length_text(static_cast<double>(low)),
                                   length_text(static_cast<double>(high)));
}

std::string start_text(double started) {
  if (started <= 0) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(started)));
}

std::vector<std::string> table_row(const PageStage& stage) {
  const std::string factors =
      stage.makes.empty() ? stage.from : fmt::format("{} \u2192 {}", stage.from, stage.makes);
  return {stage.name,
          stage.kind,
          factors,
          lengths_text(stage),
          stage.finished ? outcome(stage) : "not finished",
          start_text(stage.started),
          stage.finished ? duration_text(stage.seconds) : "-",
          stage.ranks > 0 ? fmt::format("{}", stage.ranks) : "-"};
}

// Where starts are known they are drawn as they were, with the pauses between; else one stage after another.
bool starts_known(const RunData& run) {
  return std::ranges::all_of(run.stages,
                             [](const PageStage& stage) { return !stage.finished || stage.started > 0; });
}

charts::Timeline timeline_of(const RunData& run, const std::string& id) {
  charts::Timeline timeline{.id = id,
                            .title = "Schedule",
                            .description = "",
                            .rows = {},
                            .legend = {{"search, readjust", 4}, {"training", 0}, {"evaluation", 2}}};
  const bool known = starts_known(run);
  double first = 0, at = 0, total = 0;
  for (const PageStage& stage : run.stages) {
    if (stage.started > 0 && (first == 0 || stage.started < first)) first = stage.started;
  }
  for (const PageStage& stage : run.stages) {
    if (known && stage.finished) at = std::max(0.0, stage.started - first);
    const std::string words = outcome(stage);
    timeline.rows.push_back(
        {.name = stage.name,
         .detail = !stage.finished ? "not finished"
                                   : duration_text(stage.seconds) + (words.empty() ? "" : ", " + words),
         .begin = at,
         .seconds = stage.seconds,
         .colour = colour_of(stage.kind),
         .begun = stage.finished});
    at += stage.seconds;
    total += stage.seconds;
  }
  timeline.description =
      fmt::format("{} stages, {} in all; the table has the times", run.stages.size(), duration_text(total));
  return timeline;
}

}  // namespace

std::vector<charts::Picture> schedule_pictures(const std::vector<RunData>& runs) {
  std::vector<charts::Picture> pictures;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string id = i == 0 ? "schedule" : fmt::format("schedule-{}", i + 1);
    charts::Picture picture{
        .id = id,
        .title = runs[i].label.empty() ? "Schedule" : fmt::format("Schedule of {}", runs[i].label),
        .caption = "The stages in their order, how long each took, and what came out of it.",
        .svg = charts::svg_of(timeline_of(runs[i], id)),
        .table = {.head = {"stage", "kind", "factors", "lengths", "outcome", "started", "took", "ranks"},
                  .rows = {},
                  .text_columns = 6}};
    for (const PageStage& stage : runs[i].stages) picture.table.rows.push_back(table_row(stage));
    if (!picture.svg.empty()) pictures.push_back(picture);
  }
  return pictures;
}

}  // namespace ropeway::page
