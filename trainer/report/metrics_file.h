// metrics.jsonl: one JSON object per line (README.md has the kinds). Appended to; whole lines only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace ropeway {

class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}

  // Both warn when they cannot, once, and leave the file alone from then on.
  // Rewrites the file without a torn last line and without records of `stage` whose step is beyond `step`.
  void cut(const std::string& stage, int64_t step);
  void append(const std::string& line);

 private:
  void give_up(const std::string& reason);

  std::filesystem::path path_;
  bool failed_ = false;
};

}  // namespace ropeway
