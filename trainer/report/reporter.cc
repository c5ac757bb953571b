#include "trainer/report/reporter.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/files/files.h"
#include "trainer/report/benchmark_table.h"
#include "trainer/report/metrics_file.h"
#include "trainer/report/result_table.h"
#include "trainer/report/tensorboard.h"

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

RunReport report_from_json(const Json& report) {
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
                       .ranks = entry.value("ranks", 1),
                       .numbers = {},
                       .verdict = entry.value("verdict", "")};
    for (const auto& [key, value] : entry.items()) {
      if (value.is_number() && key != "seconds" && key != "ranks") record.numbers.emplace_back(key, value);
    }
    read.stages.push_back(record);
  }
  for (const Json& command : report.value("commands", Json::array())) read.commands.push_back(command);
  return read;
}

Json to_json(const RunReport& report) {
  Json json{{"commands", report.commands},
            {"evaluations", Json::array()},
            {"benchmarks", Json::array()},
            {"stages", Json::array()}};
  for (const EvaluationRecord& record : report.evaluations) {
    Json entry{{"stage", record.stage},
               {"model", record.model},
               {"factors", record.factors},
               {"length", record.length},
               {"bits_per_byte", json_or_null(record.bits_per_byte)},
               {"tail_bits_per_byte", json_or_null(record.tail_bits_per_byte)},
               {"passkey", json_or_null(record.passkey)}};
    add_details(record, entry);
    json["evaluations"].push_back(entry);
  }
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
    Json entry{
        {"name", record.name}, {"kind", record.kind}, {"seconds", record.seconds}, {"ranks", record.ranks}};
    for (const auto& [key, value] : record.numbers) entry[key] = value;
    if (!record.verdict.empty()) entry["verdict"] = record.verdict;
    json["stages"].push_back(entry);
  }
  return json;
}

// What cannot be read is set aside, not overwritten: it may be the only copy of somebody's numbers.
void set_aside(const std::filesystem::path& path, const std::string& what) {
  std::filesystem::path target = path;
  target += ".unreadable";
  std::error_code error;
  std::filesystem::rename(path, target, error);
  log_warning("{}; {}", what,
              error ? "it is replaced at the end of the next stage" : "moved to " + target.string());
}

}  // namespace

RunReport read_report(const std::filesystem::path& path) {
  return report_from_text(read_text_file(path), path.string());
}

std::string report_text(const RunReport& report) { return to_json(report).dump(); }

RunReport report_from_text(const std::string& text, const std::string& where) {
  try {
    return report_from_json(Json::parse(text));
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, "{}: {}", where, error.what());
  }
}

struct Reporter::State {
  State(const std::filesystem::path& run_dir, const std::string& command)
      : report_path(run_dir / "report.json"), metrics(run_dir / "metrics.jsonl"), events(run_dir) {
    read_earlier();
    auto& commands = report.commands;
    if (!command.empty() && (commands.empty() || commands.back() != command)) commands.push_back(command);
  }

  // Of a run in one process or several: the file is the memory between them.
  void read_earlier() {
    std::error_code ignored;
    if (!std::filesystem::exists(report_path, ignored)) return;
    try {
      report = read_report(report_path);
    } catch (const std::exception& error) {
      set_aside(report_path, error.what());
    }
  }

  std::filesystem::path report_path;
  MetricsFile metrics;
  TensorBoardWriter events;
  RunReport report;
};

Reporter::Reporter(const std::filesystem::path& run_dir, bool enabled, const std::string& command) {
  if (enabled) state_ = std::make_unique<State>(run_dir, command);
}
Reporter::~Reporter() = default;

void Reporter::resume_at(const std::string& stage, int64_t step) {
  if (state_) state_->metrics.cut(stage, step);
}

void Reporter::step(const StepRecord& record) {
  if (!state_) return;
  Json line{{"stage", record.stage},
            {"step", record.step},
            {"total_steps", record.total_steps},
            {"loss", record.loss},
            {"lr", record.learning_rate},
            {"grad_norm", record.gradient_norm},
            {"tokens_per_second", record.tokens_per_second},
            {"seconds", record.seconds},
            {"peak_memory_bytes", record.peak_memory_bytes},
            {"skipped_steps", record.skipped_steps},
            {"spikes", record.spikes},
            {"rollbacks", record.rollbacks}};
  for (const auto& [part, bytes] : record.memory) line["memory_bytes"][part] = bytes;
  for (const auto& [part, seconds] : record.time) line["time_seconds"][part] = seconds;
  if (record.slowest_rank >= 0) {
    line["slowest_rank"] = {{"rank", record.slowest_rank}, {"speed", record.slowest_speed}};
  }
  state_->metrics.append(line.dump());
  const std::string prefix = record.stage + "/";
  state_->events.scalars(record.step, {{prefix + "loss_metrics/global_avg_loss", record.loss},
                                       {prefix + "grad_norm", record.gradient_norm},
                                       {prefix + "lr", record.learning_rate},
                                       {prefix + "throughput(tps)", record.tokens_per_second},
                                       {prefix + "time_metrics/end_to_end(s)", record.seconds}});
}

void Reporter::evaluation(const EvaluationRecord& record) {
  if (!state_) return;
  auto& all = state_->report.evaluations;
  const auto same = std::find_if(all.begin(), all.end(), [&](const EvaluationRecord& earlier) {
    return earlier.stage == record.stage && earlier.model == record.model &&
           earlier.factors == record.factors && earlier.length == record.length;
  });
  if (same == all.end()) {
    all.push_back(record);
  } else {
    *same = record;
  }
  const std::string prefix = fmt::format("evaluate/{}/{}/", record.model, record.factors);
  std::vector<std::pair<std::string, double>> scalars;
  if (record.bits_per_byte >= 0) scalars.emplace_back(prefix + "bits_per_byte", record.bits_per_byte);
  if (record.passkey >= 0) scalars.emplace_back(prefix + "passkey", record.passkey);
  state_->events.scalars(record.length, scalars);
}

void Reporter::benchmark(const BenchmarkRecord& record) {
  if (!state_) return;
  std::erase_if(state_->report.benchmarks, [&](const BenchmarkRecord& earlier) {
    return earlier.stage == record.stage && earlier.model == record.model &&
           earlier.factors == record.factors && earlier.length == record.length &&
           earlier.benchmark == record.benchmark && earlier.task == record.task;
  });
  state_->report.benchmarks.push_back(record);
  const std::string prefix =
      fmt::format("{}/{}/{}/{}/", record.benchmark, record.model, record.factors, record.task);
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [name, value] : record.numbers) scalars.emplace_back(prefix + name, value);
  state_->events.scalars(record.length, scalars);
}

RunReport Reporter::report() const {
  if (!state_) return {};
  return state_->report;
}

RunReport Reporter::report_of(const std::string& stage) const {
  RunReport part;
  if (!state_) return part;
  const auto take = [&](const auto& all, auto& into, auto name) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(into),
                 [&](const auto& record) { return record.*name == stage; });
  };
  take(state_->report.evaluations, part.evaluations, &EvaluationRecord::stage);
  take(state_->report.benchmarks, part.benchmarks, &BenchmarkRecord::stage);
  take(state_->report.stages, part.stages, &StageRecord::name);
  return part;
}

void Reporter::replace(const std::string& stage, const RunReport& report) {
  if (!state_) return;
  const auto put = [&](auto& all, const auto& with, auto name) {
    std::erase_if(all, [&](const auto& record) { return record.*name == stage; });
    all.insert(all.end(), with.begin(), with.end());
  };
  put(state_->report.evaluations, report.evaluations, &EvaluationRecord::stage);
  put(state_->report.benchmarks, report.benchmarks, &BenchmarkRecord::stage);
  put(state_->report.stages, report.stages, &StageRecord::name);
}

void Reporter::keep_only(const std::vector<std::string>& stages) {
  if (!state_) return;
  const auto drop = [&](auto& all, auto name) {
    std::erase_if(all, [&](const auto& record) {
      return std::find(stages.begin(), stages.end(), record.*name) == stages.end();
    });
  };
  drop(state_->report.evaluations, &EvaluationRecord::stage);
  drop(state_->report.benchmarks, &BenchmarkRecord::stage);
  drop(state_->report.stages, &StageRecord::name);
}

void Reporter::stage(const StageRecord& record) {
  if (!state_) return;
  auto& all = state_->report.stages;
  std::erase_if(all, [&](const StageRecord& earlier) { return earlier.name == record.name; });
  all.push_back(record);
}

void Reporter::write_report(int64_t base_window) {
  if (!state_) return;
  Json report{{"base_window", base_window}};
  report.update(to_json(state_->report));
  try {
    write_file_atomically(state_->report_path, report.dump(2) + "\n");
  } catch (const std::exception& error) {
    log_warning("{}; the run goes on without it", error.what());
  }
}

std::string Reporter::table() const {
  return state_ ? result_table(state_->report.evaluations) + benchmark_table(state_->report.benchmarks) : "";
}

}  // namespace ropeway
