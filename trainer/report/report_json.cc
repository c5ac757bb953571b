#include "trainer/report/report_json.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

Json json_or_null(double value) { return value < 0 ? Json(nullptr) : Json(value); }
// JSON has no infinity and no NaN: they are written as null.
double number_or_nan(const Json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}
double value_or_absent(const Json& value) { return value.is_number() ? value.get<double>() : -1.0; }

Json to_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->low, interval->high});
}
std::optional<Interval> interval_from(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) return std::nullopt;
  return Interval{found->at(0).get<double>(), found->at(1).get<double>()};
}

// What is beyond the keys that every evaluation has.
void add_details(const EvaluationRecord& record, Json& entry) {
  if (record.bits_interval) entry["bits_per_byte_95"] = to_json(record.bits_interval);
  if (record.passkey_interval) entry["passkey_95"] = to_json(record.passkey_interval);
  for (const FigureRecord& figure : record.figures) {
    entry["figures"][figure.name] = {{"value", figure.value}, {"interval_95", to_json(figure.interval)}};
  }
  for (const ControlRecord& control : record.controls) {
    entry["controls"][control.name] = {
        {"passed", control.passed}, {"figure", control.figure}, {"interval_95", to_json(control.interval)}};
  }
  for (const DifferenceRecord& difference : record.differences) {
    entry["differences"].push_back({{"against", difference.against},
                                    {"against_length", difference.against_length},
                                    {"nats_per_token", difference.nll},
                                    {"interval_95", to_json(difference.interval)}});
  }
}

void read_details(const Json& entry, EvaluationRecord& record) {
  record.bits_interval = interval_from(entry, "bits_per_byte_95");
  record.passkey_interval = interval_from(entry, "passkey_95");
  if (const auto figures = entry.find("figures"); figures != entry.end()) {
    for (const auto& [name, figure] : figures->items()) {
      record.figures.push_back(
          {name, number_or_nan(figure.at("value")), interval_from(figure, "interval_95")});
    }
  }
  if (const auto controls = entry.find("controls"); controls != entry.end()) {
    for (const auto& [name, control] : controls->items()) {
      record.controls.push_back({name, control.at("passed").get<bool>(), number_or_nan(control.at("figure")),
                                 interval_from(control, "interval_95")});
    }
  }
  if (const auto differences = entry.find("differences"); differences != entry.end()) {
    for (const Json& difference : *differences) {
      record.differences.push_back(
          {difference.at("against").get<std::string>(), difference.at("against_length").get<int64_t>(),
           number_or_nan(difference.at("nats_per_token")), interval_from(difference, "interval_95")});
    }
  }
}

}  // namespace

nlohmann::ordered_json to_json(const EvaluationRecord& record) {
  Json entry{{"stage", record.stage},
             {"model", record.model},
             {"factors", record.factors},
             {"length", record.length},
             {"bits_per_byte", json_or_null(record.bits_per_byte)},
             {"tail_bits_per_byte", json_or_null(record.tail_bits_per_byte)},
             {"passkey", json_or_null(record.passkey)}};
  add_details(record, entry);
  return entry;
}

RunReport report_from_json(const nlohmann::ordered_json& report) {
  RunReport read;
  for (const Json& entry : report.value("evaluations", Json::array())) {
    read.evaluations.push_back(
        {.stage = entry.value("stage", ""),
         .model = entry.value("model", ""),
         .factors = entry.value("factors", ""),
         .length = entry.value("length", int64_t{0}),
         .bits_per_byte = value_or_absent(entry.value("bits_per_byte", Json())),
         .tail_bits_per_byte = value_or_absent(entry.value("tail_bits_per_byte", Json())),
         .passkey = value_or_absent(entry.value("passkey", Json()))});
    read_details(entry, read.evaluations.back());
  }
  for (const Json& entry : report.value("benchmarks", Json::array())) {
    BenchmarkRecord record{.stage = entry.value("stage", ""),
                           .model = entry.value("model", ""),
                           .benchmark = entry.value("benchmark", ""),
                           .task = entry.value("task", ""),
                           .factors = entry.value("factors", ""),
                           .length = entry.value("length", int64_t{0}),
                           .numbers = {}};
    const Json numbers = entry.value("numbers", Json::object());
    for (const auto& [key, value] : numbers.items()) {
      if (value.is_number()) record.numbers.emplace_back(key, value);
    }
    read.benchmarks.push_back(record);
  }
  for (const Json& entry : report.value("stages", Json::array())) {
    StageRecord record{.name = entry.value("name", ""),
                       .kind = entry.value("kind", ""),
                       .seconds = entry.value("seconds", 0.0),
                       .started = entry.value("started", 0.0),
                       .ranks = entry.value("ranks", 1),
                       .numbers = {},
                       .verdict = entry.value("verdict", "")};
    for (const auto& [key, value] : entry.items()) {
      if (value.is_number() && key != "seconds" && key != "started" && key != "ranks")
        record.numbers.emplace_back(key, value);
    }
    read.stages.push_back(record);
  }
  for (const Json& command : report.value("commands", Json::array())) read.commands.push_back(command);
  read.base_window = report.value("base_window", int64_t{0});
  return read;
}

nlohmann::ordered_json to_json(const RunReport& report) {
  Json json{{"commands", report.commands},
            {"evaluations", Json::array()},
            {"benchmarks", Json::array()},
            {"stages", Json::array()}};
  for (const EvaluationRecord& record : report.evaluations) json["evaluations"].push_back(to_json(record));
  for (const BenchmarkRecord& record : report.benchmarks) {
    Json numbers = Json::object();
    for (const auto& [name, value] : record.numbers) numbers[name] = value;
    json["benchmarks"].push_back({{"stage", record.stage},
                                  {"model", record.model},
                                  {"benchmark", record.benchmark},
                                  {"task", record.task},
                                  {"factors", record.factors},
                                  {"length", record.length},
                                  {"numbers", numbers}});
  }
  for (const StageRecord& record : report.stages) {
    Json entry{{"name", record.name}, {"kind", record.kind}, {"seconds", record.seconds}};
    if (record.started > 0) entry["started"] = record.started;
    entry["ranks"] = record.ranks;
    for (const auto& [key, value] : record.numbers) entry[key] = value;
    if (!record.verdict.empty()) entry["verdict"] = record.verdict;
    json["stages"].push_back(entry);
  }
  return json;
}

}  // namespace ropeway
