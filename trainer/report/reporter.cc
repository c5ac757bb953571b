#include "trainer/report/reporter.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "trainer/files/files.h"
#include "trainer/report/benchmark_table.h"
#include "trainer/report/metrics_file.h"
#include "trainer/report/report_json.h"
#include "trainer/report/result_table.h"
#include "trainer/report/run_clock.h"
#include "trainer/report/step_metrics.h"
#include "trainer/report/tensorboard.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

// Of the records in metrics.jsonl. 1 had training steps only, without a kind.
constexpr int kMetricsVersion = 2;

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

  // The first line of a process says what the lines after it are.
  void record(Json line) {
    const double now = seconds_since_1970();
    if (!begun) {
      Json start{{"kind", "start"}, {"version", kMetricsVersion}, {"time", now}};
      if (!report.commands.empty()) start["command"] = report.commands.back();
      metrics.append(start.dump());
    }
    begun = true;
    line["time"] = now;
    metrics.append(line.dump());
  }

  void record_with_time_left(Json line) {
    if (const double left = clock.seconds_left(); left >= 0) line["seconds_left"] = left;
    record(std::move(line));
  }

  // Of a picture or page that somebody looks at: a failure costs them, not the run.
  void tell(bool at_once) {
    const auto now = std::chrono::steady_clock::now();
    if (!listener || (!at_once && now < next_news)) return;
    try {
      listener();
    } catch (const std::exception& error) {
      log_warning("{}; the run goes on without it", error.what());
      listener = nullptr;
    }
    // However long it takes, it costs little of the run's time.
    constexpr int kShareOfTime = 50;
    const auto took = std::chrono::steady_clock::now() - now;
    next_news = now + std::max<std::chrono::steady_clock::duration>(news_every, kShareOfTime * took);
  }

  std::filesystem::path report_path;
  std::function<void()> listener;
  std::chrono::steady_clock::duration news_every{};
  std::chrono::steady_clock::time_point next_news{};
  RunClock clock;
  Json plan;           // of the run's time, until it is written
  bool begun = false;  // this process has written to metrics
  MetricsFile metrics;
  TensorBoardWriter events;
  RunReport report;
};

Reporter::Reporter(const std::filesystem::path& run_dir, bool enabled, const std::string& command) {
  if (enabled) state_ = std::make_unique<State>(run_dir, command);
}
Reporter::~Reporter() = default;

void Reporter::resume_at(const std::string& stage, int64_t step) {
  if (!state_) return;
  state_->metrics.cut(stage, step);
  if (step > 0) state_->record({{"kind", "resume"}, {"stage", stage}, {"step", step}});
}

void Reporter::step(const StepRecord& record) {
  if (!state_) return;
  Json line{{"kind", "step"}};
  line.update(to_json(record));
  state_->record_with_time_left(std::move(line));
  state_->events.scalars(record.step, step_scalars(record));
  state_->tell(false);
}

void Reporter::search(const SearchRecord& record) {
  if (!state_) return;
  state_->clock.search(record, seconds_since_1970());
  state_->record_with_time_left({{"kind", "search"},
                                 {"stage", record.stage},
                                 {"step", record.evaluation},
                                 {"phase", record.phase},
                                 {"candidate", record.candidate},
                                 {"loss", record.loss},
                                 {"best", record.best},
                                 {"best_on", record.best_on},
                                 {"forward_equivalents", record.spent},
                                 {"expected_forward_equivalents", record.expected}});
  const std::string prefix = record.stage + "/search/";
  state_->events.scalars(record.evaluation, {{prefix + "loss", record.loss},
                                             {prefix + "best_loss", record.best},
                                             {prefix + "forward_equivalents", record.spent}});
  state_->tell(false);
}

void Reporter::describe_run(const std::vector<std::pair<std::string, std::string>>& texts,
                            const std::vector<std::pair<std::string, std::string>>& parameters) {
  if (!state_) return;
  for (const auto& [title, text] : texts) state_->events.text(title, text);
  if (!parameters.empty()) state_->events.hyperparameters(parameters);
}

void Reporter::on_news(std::function<void()> listener, double seconds) {
  if (!state_) return;
  state_->listener = std::move(listener);
  state_->news_every =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

void Reporter::plan_time(const std::vector<StageWork>& stages) {
  if (!state_) return;
  state_->clock.plan(stages, state_->report.stages);
  Json& plan = state_->plan = Json::array();
  for (const StageWork& stage : stages) {
    Json entry{{"stage", stage.stage}};
    if (stage.most > 0) entry["most_forward_equivalents"] = stage.most;
    entry["passes"] = Json::array();
    for (const PassWork& pass : stage.work) {
      entry["passes"].push_back(
          {{"pass", pass.pass}, {"length", pass.length}, {"cost", pass.cost}, {"pieces", pass.pieces}});
    }
    plan.push_back(std::move(entry));
  }
}

void Reporter::begin_stage(const std::string& stage) {
  if (!state_) return;
  // A run in which nothing is to be done leaves no trace.
  if (!state_->plan.empty()) state_->record({{"kind", "plan"}, {"stages", std::exchange(state_->plan, {})}});
  state_->clock.begin(stage, seconds_since_1970());
}

void Reporter::steps_left(const std::string& stage, double share, double seconds) {
  if (state_) state_->clock.step(stage, share, seconds);
}

double Reporter::stage_left() const { return state_ ? state_->clock.stage_left() : -1; }
double Reporter::seconds_left() const { return state_ ? state_->clock.seconds_left() : -1; }

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
  Json line{{"kind", "evaluation"}};
  line.update(to_json(record));
  state_->clock.evaluation(record.stage, record.factors, record.length, seconds_since_1970());
  state_->record_with_time_left(std::move(line));
  state_->tell(false);
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
  state_->clock.end(record);
  Json line{{"kind", "stage"},
            {"stage", record.name},
            {"stage_kind", record.kind},
            {"seconds", record.seconds},
            {"ranks", record.ranks}};
  for (const auto& [name, value] : record.numbers) line["numbers"][name] = value;
  state_->record_with_time_left(std::move(line));
}

void Reporter::write_report(int64_t base_window) {
  if (!state_) return;
  state_->report.base_window = base_window;
  Json report{{"base_window", base_window}};
  report.update(to_json(state_->report));
  try {
    write_file_atomically(state_->report_path, report.dump(2) + "\n");
  } catch (const std::exception& error) {
    log_warning("{}; the run goes on without it", error.what());
  }
  state_->tell(true);
}

std::string Reporter::table() const {
  return state_ ? result_table(state_->report.evaluations) + benchmark_table(state_->report.benchmarks) : "";
}

}  // namespace ropeway
