#include "trainer/page/search_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "trainer/charts/line_chart.h"
#include "trainer/charts/number_text.h"
#include "trainer/page/thin_out.h"

namespace ropeway::page {
namespace {

using charts::LineStyle;
using charts::Point;

// Losses of the same tokens can be compared: candidates scored on the same documents at the same length.
using Text = std::pair<int64_t, std::vector<int64_t>>;

bool is_candidate(const SearchEvaluation& evaluation) {
  return !evaluation.held_out && !evaluation.documents.empty() && std::isfinite(evaluation.loss);
}

// What most candidates were scored on, at the greatest length.
Text text_of(const SearchTrace& trace) {
  std::map<Text, size_t> counts;
  for (const SearchEvaluation& evaluation : trace.evaluations) {
    if (is_candidate(evaluation)) ++counts[{evaluation.length, evaluation.documents}];
  }
  Text most;
  size_t count = 0;
  for (const auto& [text, times] : counts) {
    if (text.first > most.first || times > count) {
      most = text;
      count = times;
    }
  }
  return most;
}

struct Phase {
  std::string name;
  double begin = 0, end = 0;                    // forward passes
  size_t candidates = 0;                        // on any text
  std::vector<const SearchEvaluation*> scored;  // on the search's text
  const SearchEvaluation* best = nullptr;       // of these
};

std::vector<Phase> phases_of(const SearchTrace& trace, const Text& text) {
  std::vector<Phase> phases;
  double spent = 0;
  for (const SearchEvaluation& evaluation : trace.evaluations) {
    if (phases.empty() || phases.back().name != evaluation.phase) {
      phases.push_back({.name = evaluation.phase, .begin = spent, .scored = {}});
    }
    Phase& phase = phases.back();
    phase.end = spent = evaluation.spent;
    if (!is_candidate(evaluation)) continue;
    ++phase.candidates;
    if (Text{evaluation.length, evaluation.documents} != text) continue;
    phase.scored.push_back(&evaluation);
    if (phase.best == nullptr || evaluation.loss < phase.best->loss) phase.best = &evaluation;
  }
  return phases;
}

void draw_candidates(charts::LineChart& chart, const std::vector<Phase>& phases) {
  charts::Series best{"best so far", 6, LineStyle::kSolid, {}, true};
  for (size_t i = 0; i < phases.size(); ++i) {
    chart.bands.push_back({phases[i].begin, phases[i].end, phases[i].name});
    charts::Series dots{"", static_cast<int>(i), LineStyle::kDots, {}};
    for (const SearchEvaluation* candidate : phases[i].scored) {
      dots.points.push_back({candidate->spent, candidate->loss});
      const double least =
          best.points.empty() ? candidate->loss : std::min(best.points.back().y, candidate->loss);
      best.points.push_back({candidate->spent, least});
    }
    dots.points = thinned_out(dots.points, 400);
    chart.series.push_back(dots);
  }
  // Candidates far above the best say no more than that they failed.
  if (!best.points.empty()) chart.y_limit = best.points.back().y + 0.35 * std::abs(best.points.back().y);
  best.points = thinned_out(best.points, 200);
  chart.series.push_back(best);
}

struct Finalist {
  std::string origin;
  double loss = 0, tail = 0, needle = 0, documents = 0;
};

std::vector<Finalist> finalists_of(const SearchTrace& trace) {
  std::vector<Finalist> finalists;
  for (const SearchEvaluation& evaluation : trace.evaluations) {
    if (!evaluation.held_out) continue;
    auto finalist = std::ranges::find(finalists, evaluation.origin, &Finalist::origin);
    if (finalist == finalists.end())
      finalist = finalists.insert(finalists.end(), {.origin = evaluation.origin});
    finalist->loss += evaluation.loss;
    finalist->tail += evaluation.tail;
    finalist->needle += evaluation.needle;
    ++finalist->documents;
  }
  for (Finalist& finalist : finalists) {
    finalist.loss /= finalist.documents;
    finalist.tail /= finalist.documents;
    finalist.needle /= finalist.documents;
  }
  return finalists;
}

std::string words_for(const Text& text) {
  return fmt::format("{} document{} at {}", text.second.size(), text.second.size() == 1 ? "" : "s",
                     charts::length_text(static_cast<double>(text.first)));
}

charts::Table table_of(const std::vector<Phase>& phases, const SearchTrace& trace) {
  charts::Table table{.head = {"phase", "best", "candidates", "forward passes", "loss", "passkey loss"},
                      .rows = {},
                      .text_columns = 2};
  for (const Phase& phase : phases) {
    table.rows.push_back({phase.name, phase.best == nullptr ? "" : phase.best->origin,
                          fmt::format("{}", phase.candidates), charts::count_text(phase.end - phase.begin),
                          phase.best == nullptr ? "" : fmt::format("{:.4f}", phase.best->loss), ""});
  }
  for (const Finalist& finalist : finalists_of(trace)) {
    table.rows.push_back({fmt::format("finalist on {:.0f} held-out document{}", finalist.documents,
                                      finalist.documents == 1 ? "" : "s"),
                          finalist.origin, "", "", fmt::format("{:.4f}", finalist.loss),
                          charts::figure_text(finalist.needle, 3)});
  }
  table.note =
      "Losses in nats per token: of phases on the text of the picture, of finalists on documents that ranked "
      "no candidate.";
  return table;
}

// What came of it: the set's own record, which the stage made.
std::string verdict_of(const RunData& run, const std::string& stage) {
  const auto set =
      std::ranges::find_if(run.sets, [&](const FactorSet& one) { return one.history.stage == stage; });
  if (set == run.sets.end()) return "It is not over yet.";
  const auto [low, high] = std::ranges::minmax(set->factors);
  return fmt::format(
      "It found {}: factors {} to {}, attention temperature {:.3f}, loss {:.4f} after {:.0f} forward passes.",
      set->name, charts::figure_text(low), charts::figure_text(high), set->attention_temperature,
      set->history.fitness, set->history.forward_equivalents);
}

charts::Picture picture_of(const RunData& run, const SearchTrace& trace, const std::string& id) {
  const Text text = text_of(trace);
  const std::vector<Phase> phases = phases_of(trace, text);
  charts::Picture picture{.id = id,
                          .title = run.label.empty() ? fmt::format("Search {}", trace.stage)
                                                     : fmt::format("Search {}, {}", trace.stage, run.label),
                          .caption = fmt::format("{} A dot is a candidate, scored on {}.",
                                                 verdict_of(run, trace.stage), words_for(text)),
                          .svg = ""};
  if (text.second.empty()) return picture;
  charts::LineChart chart{.id = id, .title = picture.title, .description = picture.caption};
  chart.x_title = "forward passes over a document";
  chart.y_title = "nats per token";
  chart.height = 280;
  chart.x_low = 0;
  chart.x_high = phases.back().end;
  draw_candidates(chart, phases);
  picture.svg = charts::svg_of(chart);
  picture.table = table_of(phases, trace);
  return picture;
}

}  // namespace

std::vector<charts::Picture> search_pictures(const std::vector<RunData>& runs) {
  std::vector<charts::Picture> pictures;
  for (const RunData& run : runs) {
    for (const SearchTrace& trace : run.searches) {
      pictures.push_back(picture_of(run, trace, fmt::format("search-{}", pictures.size() + 1)));
      if (pictures.back().svg.empty()) pictures.pop_back();
    }
  }
  return pictures;
}

}  // namespace ropeway::page
