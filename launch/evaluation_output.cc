#include "launch/evaluation_output.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "launch/benchmark_output.h"
#include "trainer/config/dtype_words.h"
#include "trainer/data/npy.h"
#include "trainer/files/files.h"
#include "trainer/report/benchmark_table.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({number_or_null(interval->low), number_or_null(interval->high)});
}

void add_perplexity(const PerplexityResult& p, bool bytes_are_known, Json& entry) {
  entry["windows"] = p.windows;
  entry["predicted_tokens"] = p.predicted_tokens;
  entry["nll"] = number_or_null(p.nll);
  entry["nll_95"] = to_json(p.nll_interval);
  entry["perplexity"] = number_or_null(p.perplexity);
  entry["perplexity_95"] = to_json(perplexity_interval(p));
  entry["window_perplexity"] = number_or_null(p.window_perplexity);
  entry["bits_per_byte"] = bytes_are_known ? number_or_null(p.bits_per_byte) : Json();
  entry["bits_per_byte_95"] = bytes_are_known ? to_json(p.bits_interval) : Json();
  entry["tail_bits_per_byte"] = bytes_are_known ? number_or_null(p.tail_bits_per_byte) : Json();
  entry["tail_bits_per_byte_95"] = bytes_are_known ? to_json(p.tail_bits_interval) : Json();
}

Json to_json(const ControlResult& control) {
  Json entry{{"control", word_of(control.kind)},
             {"passed", control.passed},
             {"figure", number_or_null(control.figure)},
             {"figure_95", to_json(control.interval)},
             {"windows", control.windows}};
  for (const DistanceGain& gain : control.distances) {
    entry["distances"].push_back({{"distance", gain.distance},
                                  {"gain", number_or_null(gain.gain)},
                                  {"gain_95", to_json(gain.interval)}});
  }
  return entry;
}

Json to_json(const EvaluatedCell& evaluated, bool bytes_are_known) {
  const auto& [cell, figures] = evaluated;
  Json entry{{"length", cell.length}, {"factors", cell.name}};
  if (figures.perplexity) add_perplexity(*figures.perplexity, bytes_are_known, entry);
  if (const auto& k = figures.passkey) {
    entry["passkey"] = k->accuracy;
    entry["passkey_95"] = to_json(k->interval);
    entry["passkey_samples"] = k->trials;
    entry["passkey_answer_nll"] = number_or_null(k->answer_nll);
    entry["passkey_depths"] = k->depths;
    entry["passkey_by_depth"] = k->depth_accuracy;
  }
  if (const auto& n = figures.needles) {
    entry["needles"] = n->accuracy;
    entry["needles_95"] = to_json(n->interval);
    entry["needles_trials"] = n->trials;
    entry["needles_answer_nll"] = number_or_null(n->answer_nll);
    entry["needles_depths"] = n->depths;
    entry["needles_by_depth"] = n->depth_accuracy;
  }
  for (const ControlResult& control : figures.controls) entry["controls"].push_back(to_json(control));
  return entry;
}

Json to_json(const std::vector<EvaluatedCell>& results, const ComparedCells& compared) {
  const EvaluationCell &cell = results[compared.cell].cell, &against = results[compared.against].cell;
  return {{"length", cell.length},
          {"factors", cell.name},
          {"against_length", against.length},
          {"against", against.name},
          {"nll", number_or_null(compared.difference.nll)},
          {"nll_95", to_json(compared.difference.nll_interval)}};
}

// "1.2345±0.0123": half of the interval's width behind the figure.
std::string with_reach(double value, const std::optional<Interval>& interval) {
  if (!interval) return fmt::format("{:.4f}", value);
  return fmt::format("{:.4f}±{:.4f}", value, (interval->high - interval->low) / 2);
}

std::string percent_text(double share, const std::optional<Interval>& interval) {
  if (!interval) return fmt::format("{:.0f}%", 100 * share);
  return fmt::format("{:.0f}% ({:.0f}-{:.0f})", 100 * share, 100 * interval->low, 100 * interval->high);
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? fmt::format(" ({:+.4f} to {:+.4f})", interval->low, interval->high) : "";
}

constexpr const char* kRow = "{:>8}  {:<20} {:>8} {:>8} {:>15} {:>17} {:>15} {:>15} {:>13} {:>13}\n";

// [{"length", "factors", "nll", "nll_95", ...}, ...]; null where a figure is not finite.
Json evaluations_json(const std::vector<EvaluatedCell>& results, bool bytes_are_known) {
  Json entries = Json::array();
  for (const EvaluatedCell& evaluated : results) entries.push_back(to_json(evaluated, bytes_are_known));
  return entries;
}

// [{"length", "factors", "against_length", "against", "nll", "nll_95"}, ...]
Json differences_json(const std::vector<EvaluatedCell>& results,
                      const std::vector<ComparedCells>& differences) {
  Json entries = Json::array();
  for (const ComparedCells& compared : differences) entries.push_back(to_json(results, compared));
  return entries;
}

std::string evaluation_table(const std::vector<EvaluatedCell>& results, bool bytes_are_known) {
  std::string table = fmt::format(kRow, "length", "factors", "windows", "targets", "nats/token", "perplexity",
                                  "bits/byte", "last 256", "passkey", "needles");
  for (const auto& [cell, figures] : results) {
    std::string windows = "-", targets = "-", nll = "-", perplexity = "-", bits = "-", tail = "-",
                passkey = "-", needles = "-";
    if (const auto& p = figures.perplexity) {
      windows = fmt::format("{}", p->windows);
      targets = fmt::format("{}", p->predicted_tokens);
      nll = with_reach(p->nll, p->nll_interval);
      perplexity = with_reach(p->perplexity, perplexity_interval(*p));
      if (bytes_are_known) {
        bits = with_reach(p->bits_per_byte, p->bits_interval);
        tail = with_reach(p->tail_bits_per_byte, p->tail_bits_interval);
      }
    }
    if (const auto& k = figures.passkey) passkey = percent_text(k->accuracy, k->interval);
    if (const auto& n = figures.needles) needles = percent_text(n->accuracy, n->interval);
    table += fmt::format(kRow, cell.length, cell.name, windows, targets, nll, perplexity, bits, tail, passkey,
                         needles);
  }
  return table;
}

// A line each: "yarn at 2048 against none at 2048: -0.0123 nats/token (-0.0150 to -0.0096)".
std::string difference_lines(const std::vector<EvaluatedCell>& results,
                             const std::vector<ComparedCells>& differences) {
  std::string text;
  for (const ComparedCells& compared : differences) {
    const EvaluationCell &cell = results[compared.cell].cell, &against = results[compared.against].cell;
    text +=
        fmt::format("{} at {} against {} at {}: {:+.4f} nats/token{}\n", cell.name, cell.length, against.name,
                    against.length, compared.difference.nll, interval_text(compared.difference.nll_interval));
  }
  return text;
}

// A line each: "control crop of yarn at 2048: passed, -0.0123 (-0.0150 to -0.0096)".
std::string control_lines(const std::vector<EvaluatedCell>& results) {
  std::string text;
  for (const auto& [cell, figures] : results) {
    for (const ControlResult& control : figures.controls) {
      text += fmt::format("control {} of {} at {}: {}, {:+.4f}{}\n", word_of(control.kind), cell.name,
                          cell.length, control.passed ? "passed" : "FAILED", control.figure,
                          interval_text(control.interval));
    }
  }
  return text;
}

// Bits per byte are left out where the text of the tokens is unknown.
bool bytes_are_known(const EvaluationRequest& request) { return request.tokens.empty(); }

}  // namespace

void write_evaluation(const EvaluationRequest& request, const Evaluated& evaluated) {
  const std::vector<EvaluatedCell>& results = evaluated.cells;
  if (!request.save_nll.empty()) {
    const PerplexityResult& scored = results.front().figures.perplexity.value();
    write_npy_float32(request.save_nll, scored.token_nll, scored.windows, scored.length - 1);
  }
  if (request.json.empty()) return;
  Json report{{"model", request.model},
              {"input", request.text.empty() ? request.tokens : request.text},
              {"dtype", word_of(request.dtype)},
              {"evaluations", evaluations_json(results, bytes_are_known(request))}};
  if (!evaluated.benchmarks.empty()) report["benchmarks"] = benchmarks_json(evaluated.benchmarks);
  const auto differences = paired_differences(results, evaluated.tasks);
  if (!differences.empty()) report["differences"] = differences_json(results, differences);
  write_file_atomically(request.json, report.dump(2) + "\n");
}

std::string evaluation_text(const EvaluationRequest& request, const Evaluated& evaluated) {
  const std::vector<EvaluatedCell>& results = evaluated.cells;
  return (results.empty() ? "" : evaluation_table(results, bytes_are_known(request))) +
         difference_lines(results, paired_differences(results, evaluated.tasks)) + control_lines(results) +
         benchmark_table(records_of(evaluated.benchmarks));
}

}  // namespace ropeway
