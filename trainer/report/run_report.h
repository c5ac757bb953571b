// What a run found, as report.json holds it: evaluations, benchmarks, stages, and the commands it was started with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainer/report/interval.h"

namespace ropeway {

// A further figure of an evaluation, such as "perplexity".
struct FigureRecord {
  std::string name;
  double value = 0;
  std::optional<Interval> interval = {};  // 95%
};

struct ControlRecord {
  std::string name;
  bool passed = false;
  double figure = 0;
  std::optional<Interval> interval = {};
};

// Nats per token more than an evaluation of the same targets under other factors or at another length.
struct DifferenceRecord {
  std::string against;  // a set's name
  int64_t against_length = 0;
  double nll = 0;
  std::optional<Interval> interval = {};
};

struct EvaluationRecord {
  std::string stage;
  std::string model;    // "base" or "tuned"
  std::string factors;  // "none", "pi", ..., a set's name
  int64_t length = 0;
  double bits_per_byte = -1, tail_bits_per_byte = -1, passkey = -1;   // negative: not measured
  std::optional<Interval> bits_interval = {}, passkey_interval = {};  // 95%
  std::vector<FigureRecord> figures = {};
  std::vector<ControlRecord> controls = {};
  std::vector<DifferenceRecord> differences = {};
};

// A task of a benchmark under a factor set: accuracy on questions, RULER, LongPPL.
struct BenchmarkRecord {
  std::string stage;
  std::string model;            // "base" or "tuned"
  std::string benchmark, task;  // "choices" and "arc_easy", "ruler" and "vt"
  std::string factors;
  int64_t length = 0;
  std::vector<std::pair<std::string, double>> numbers;  // "accuracy", "accuracy_low", "samples", ...
};

struct StageRecord {
  std::string name, kind;
  double seconds = 0;
  double started = 0;  // seconds since 1970; 0: not known
  int ranks = 1;
  std::vector<std::pair<std::string, double>> numbers;  // "fitness", "forward_equivalents", "final_loss", ...
  std::string verdict = {};                             // of a search, in words; empty: none
};

// What report.json holds.
struct RunReport {
  std::vector<EvaluationRecord> evaluations;
  std::vector<BenchmarkRecord> benchmarks;
  std::vector<StageRecord> stages;
  std::vector<std::string> commands;  // that the run was started with, oldest first
  int64_t base_window = 0;            // of the model the run began with; 0: not known
};
// Throws kMissingInput when the file is not there, kBadData naming it when it is not a report.
RunReport read_report(const std::filesystem::path& path);
// The same as text, without "base_window". Reading throws kBadData naming `where`.
std::string report_text(const RunReport& report);
RunReport report_from_text(const std::string& text, const std::string& where);

}  // namespace ropeway
