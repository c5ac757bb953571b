// The training steps of metrics.jsonl (trainer/report/README.md describes its records).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ropeway::page {

// Numbers that a record lacks are NaN.
struct PageStep {
  std::string stage = "";
  int64_t step = 0, total_steps = 0;  // from 1
  double loss = 0, learning_rate = 0, gradient_norm = 0, tokens_per_second = 0, seconds = 0;
  double peak_memory_bytes = 0;
  std::vector<std::pair<std::string, double>> phases = {};  // seconds by what they went into
};

// A stage that went on after `step`, in another process.
struct PageResume {
  std::string stage = "";
  int64_t step = 0;
};

struct Metrics {
  std::vector<PageStep> steps = {};
  std::vector<PageResume> resumes = {};
};

Metrics read_metrics(const std::filesystem::path& file);  // throws kMissingInput

}  // namespace ropeway::page
