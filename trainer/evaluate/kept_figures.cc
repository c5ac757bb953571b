#include "trainer/evaluate/kept_figures.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "parallel/comm/exchange_values.h"
#include "trainer/files/files.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;  // sorted keys: equal objects have equal texts

Json to_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->low, interval->high});
}
std::optional<Interval> interval_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Interval{json.at(0).get<double>(), json.at(1).get<double>()};
}

Json to_json(const PerplexityResult& result) {
  Json json{{"windows", result.windows},
            {"predicted_tokens", result.predicted_tokens},
            {"nll", result.nll},
            {"bits_per_byte", result.bits_per_byte},
            {"tail_bits_per_byte", result.tail_bits_per_byte},
            {"window_nll", std::log(result.window_perplexity)},
            {"nll_95", to_json(result.nll_interval)},
            {"bits_per_byte_95", to_json(result.bits_interval)},
            {"tail_bits_per_byte_95", to_json(result.tail_bits_interval)},
            {"runs", Json::array()}};
  for (const TargetRun& run : result.runs) json["runs"].push_back({run.nll, run.targets, run.bytes});
  return json;
}

PerplexityResult perplexity_from(const Json& json, int64_t length) {
  PerplexityResult result;
  result.length = length;
  result.windows = json.at("windows").get<int64_t>();
  result.predicted_tokens = json.at("predicted_tokens").get<int64_t>();
  result.nll = json.at("nll").get<double>();
  result.perplexity = std::exp(result.nll);  // may be infinite, which JSON cannot say
  result.bits_per_byte = json.at("bits_per_byte").get<double>();
  result.tail_bits_per_byte = json.at("tail_bits_per_byte").get<double>();
  result.window_perplexity = std::exp(json.at("window_nll").get<double>());
  result.nll_interval = interval_from(json.at("nll_95"));
  result.bits_interval = interval_from(json.at("bits_per_byte_95"));
  result.tail_bits_interval = interval_from(json.at("tail_bits_per_byte_95"));
  for (const Json& run : json.at("runs")) {
    result.runs.push_back({run.at(0).get<double>(), run.at(1).get<int64_t>(), run.at(2).get<double>()});
  }
  return result;
}

Json to_json(const RetrievalResult& result) {
  return {{"passes", result.passes},
          {"trials", result.trials},
          {"right", result.right},
          {"accuracy", result.accuracy},
          {"answer_nll", result.answer_nll},
          {"depths", result.depths},
          {"depth_accuracy", result.depth_accuracy}};
}

RetrievalResult retrieval_from(const Json& json, int64_t length) {
  RetrievalResult result;
  result.length = length;
  result.passes = json.at("passes").get<int64_t>();
  result.trials = json.at("trials").get<int64_t>();
  result.right = json.at("right").get<int64_t>();
  result.accuracy = json.at("accuracy").get<double>();
  result.interval = interval_of_share(static_cast<double>(result.right), result.trials);
  result.answer_nll = json.at("answer_nll").get<double>();
  result.depths = json.at("depths").get<std::vector<double>>();
  result.depth_accuracy = json.at("depth_accuracy").get<std::vector<double>>();
  return result;
}

Json to_json(const ControlResult& result) {
  Json json{{"control", word_of(result.kind)}, {"passed", result.passed},
            {"figure", result.figure},         {"interval", to_json(result.interval)},
            {"windows", result.windows},       {"least", result.least},
            {"distances", Json::array()}};
  for (const DistanceGain& gain : result.distances) {
    json["distances"].push_back({gain.distance, gain.gain, to_json(gain.interval)});
  }
  return json;
}

ControlResult control_from(const Json& json) {
  const auto kind = value_of<ControlKind>(json.at("control").get<std::string>());
  if (!kind) throw nlohmann::json::other_error::create(501, "no such control", &json);
  ControlResult result{.kind = *kind,
                       .passed = json.at("passed").get<bool>(),
                       .figure = json.at("figure").get<double>(),
                       .interval = interval_from(json.at("interval")),
                       .windows = json.at("windows").get<int64_t>(),
                       .least = json.at("least").get<double>()};
  for (const Json& gain : json.at("distances")) {
    result.distances.push_back(
        {gain.at(0).get<int64_t>(), gain.at(1).get<double>(), interval_from(gain.at(2))});
  }
  return result;
}

Json to_json(const CellFigures& figures) {
  Json json = Json::object();
  if (figures.perplexity) json["perplexity"] = to_json(*figures.perplexity);
  if (figures.passkey) json["passkey"] = to_json(*figures.passkey);
  if (figures.needles) json["needles"] = to_json(*figures.needles);
  for (const ControlResult& control : figures.controls) json["controls"].push_back(to_json(control));
  return json;
}

CellFigures figures_from(const Json& json, int64_t length) {
  CellFigures figures;
  if (json.contains("perplexity")) figures.perplexity = perplexity_from(json["perplexity"], length);
  if (json.contains("passkey")) figures.passkey = retrieval_from(json["passkey"], length);
  if (json.contains("needles")) figures.needles = retrieval_from(json["needles"], length);
  if (json.contains("controls")) {
    for (const Json& control : json["controls"]) figures.controls.push_back(control_from(control));
  }
  return figures;
}

}  // namespace

KeptFigures::KeptFigures(std::filesystem::path file, Communicator& world, Subject subject)
    : entries_(std::move(file), world,
               {.format = "ropeway-figures",
                .version = 3,
                .check =
                    [](const std::string& of, const std::string& figures) {
                      figures_from(Json::parse(figures), Json::parse(of).at("length").get<int64_t>());
                    }}),
      subject_(std::move(subject)) {
  // Ranks that see another file must still do the same.
  subject_.weights = broadcast_string(world, subject_.weights);
}

// Everything the figures depend on within one run of one recipe; not the number of ranks, with which they
// agree within rounding.
std::string KeptFigures::describe(const EvaluationCell& cell, const EvaluationTasks& tasks) const {
  Json of{{"length", cell.length},
          {"factors", cell.factors.name},
          {"factors_sha256", sha256_of(factor_sets_to_json({cell.factors}))},
          {"weights", subject_.weights},
          {"data", subject_.data}};
  if (!tasks.start.empty()) of["start"] = tasks.start;
  if (!tasks.end.empty()) of["end"] = tasks.end;
  if (tasks.perplexity) {
    const PerplexityOptions options = perplexity_options(cell.length, tasks);
    of["perplexity"] = {{"aligned_to", options.align_to},     {"stride", options.stride},
                        {"tail_tokens", options.tail_tokens}, {"target_tokens", options.target_tokens},
                        {"targets", options.targets},         {"windows", options.max_windows}};
  }
  if (tasks.passkey) {
    of["passkey"] = {
        {"depths", tasks.passkey_depths}, {"samples", tasks.passkey_samples}, {"seed", tasks.seed}};
    if (tasks.haystack != Haystack::kText) of["haystack"] = word_of(tasks.haystack);
  }
  if (tasks.needles) {
    of["needles"] = {
        {"in_a_pass", tasks.needles_in_a_pass}, {"passes", tasks.needle_passes}, {"seed", tasks.seed}};
  }
  if (!tasks.controls.empty()) {
    of["controls"] = {
        {"windows", tasks.control_windows}, {"needles", tasks.needles_in_a_pass}, {"seed", tasks.seed}};
    for (const ControlKind kind : tasks.controls) of["controls"]["kinds"].push_back(word_of(kind));
    if (cell.window_factors) {
      of["window_factors_sha256"] = sha256_of(factor_sets_to_json({*cell.window_factors}));
    }
  }
  return of.dump();
}

std::optional<CellFigures> KeptFigures::find(const EvaluationCell& cell, const EvaluationTasks& tasks) const {
  if (tasks.keep_token_nll) return std::nullopt;
  const std::string* const kept = entries_.find(describe(cell, tasks));
  if (kept == nullptr) return std::nullopt;
  CellFigures figures = figures_from(Json::parse(*kept), cell.length);
  // What was asked for is there, whatever else happened to the file.
  const bool whole = figures.perplexity.has_value() == tasks.perplexity &&
                     figures.passkey.has_value() == tasks.passkey &&
                     figures.needles.has_value() == tasks.needles;
  return whole ? std::optional(std::move(figures)) : std::nullopt;
}

void KeptFigures::add(const EvaluatedCell& evaluated, const EvaluationTasks& tasks) {
  entries_.add(describe(evaluated.cell, tasks), to_json(evaluated.figures).dump());
}

}  // namespace ropeway
