// What a run leaves for people and tools: metrics.jsonl, TensorBoard event files, report.json, and a progress
// line. Rank 0 writes; on other ranks every call does nothing. A failing write warns once and never ends the
// run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "trainer/report/run_report.h"

namespace ropeway {

struct StageWork;

struct StepRecord {
  std::string stage;
  int64_t step = 0, total_steps = 0;  // step counts from 1
  double loss = 0, learning_rate = 0, gradient_norm = 0, tokens_per_second = 0, seconds = 0;
  int64_t peak_memory_bytes = 0;                             // of the whole process, so far
  int64_t skipped_steps = 0, spikes = 0, rollbacks = 0;      // of the stage, so far
  std::vector<std::pair<std::string, int64_t>> memory = {};  // bytes of tensors by part, at the step's peak
  // Seconds of the step by part: data, compute, ring_wait (the mean over ranks), all_reduce, optimizer,
  // checkpoint (the save after the step before; of rank 0). Empty: not measured.
  std::vector<std::pair<std::string, double>> time = {};
  // The rank that computed slowest over the last steps, and its speed over the median of the others; -1: one
  // rank alone, or too few steps.
  int slowest_rank = -1;
  double slowest_speed = 1;
  // Where ranks share sequences, of the first row of the mesh: the largest share of attention's work by the
  // mean of the ranks, from 1, and bytes that a rank sent for attention. 0: they do not.
  double attention_balance = 0;
  int64_t attention_bytes_sent = 0;
  double tflops_per_rank = 0;  // arithmetic of the step as plans count it, in 10^12 per second; 0: not known
  double peak_tflops = 0;      // of matrix products of such a device, as published; 0: not known
  double seconds_left = -1;    // of all stages, for the line of a step; below 0: not known
};

// An evaluation of a search.
struct SearchRecord {
  std::string stage, phase;
  std::string candidate;   // where it comes from: "yarn(4,1)"
  int64_t evaluation = 0;  // from 1
  double loss = 0;         // of the candidate, nats per token
  double best = 0;         // so far, on what `best_on` says
  std::string best_on = {};
  double spent = 0, expected = 0;  // forward equivalents so far, and in all
};

class Reporter {
 public:
  // enabled: this is rank 0. Appends to what an interrupted run left; records of a step seen before are not
  // repeated (metrics.jsonl is cut back to the step a resume starts from).
  // command: the one that started this process; empty: not known.
  Reporter(const std::filesystem::path& run_dir, bool enabled, const std::string& command = "");
  ~Reporter();

  // The stage goes on after `step`: its records of later ones are dropped, and where there were earlier ones
  // a line says that it went on here.
  void resume_at(const std::string& stage, int64_t step);
  void step(const StepRecord& record);
  void search(const SearchRecord& record);
  void evaluation(const EvaluationRecord& record);
  void benchmark(const BenchmarkRecord& record);
  void stage(const StageRecord& record);
  // What was reported so far, by this run and those it goes on from; empty where this is not rank 0.
  RunReport report() const;
  // What was reported of one stage.
  RunReport report_of(const std::string& stage) const;
  // In place of what was reported of the stage; an empty report: nothing was.
  void replace(const std::string& stage, const RunReport& report);
  // Leaves out what was reported of other stages than these.
  void keep_only(const std::vector<std::string>& stages);
  // report.json: {"base_window", "commands": [...], "evaluations": [...], "benchmarks": [...], "stages":
  // [...]}; rewritten atomically, earlier content kept. A command given several times in a row is there once.
  void write_report(int64_t base_window);
  // What the run is, once per process: texts (Markdown) by title, and the values that runs are compared by.
  // For TensorBoard.
  void describe_run(const std::vector<std::pair<std::string, std::string>>& texts,
                    const std::vector<std::pair<std::string, std::string>>& parameters);
  // Called when there is news, at most every `seconds`, and after each stage; may be empty. What it throws is
  // a warning.
  void on_news(std::function<void()> listener, double seconds);
  // What each stage takes, in the order they run; the estimate of what is left starts from it (run_clock.h).
  void plan_time(const std::vector<StageWork>& stages);
  void begin_stage(const std::string& stage);
  // Of a training stage at work: the steps that are left, a share of all of them, take so many seconds.
  void steps_left(const std::string& stage, double share, double seconds);
  // Of the stage at work and of the whole run, in seconds; below 0: not known.
  double stage_left() const;
  double seconds_left() const;
  // The table method x length: bits/byte, passkey; "" when nothing was evaluated.
  std::string table() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
