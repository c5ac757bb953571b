#include "trainer/report/metrics_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/log.h"
#include "trainer/files/files.h"
#include "trainer/files/write_all.h"

namespace ropeway {

namespace {

bool is_later_step(const nlohmann::json& record, const std::string& stage, int64_t step) {
  const auto of_stage = record.find("stage"), of_step = record.find("step");
  return of_stage != record.end() && *of_stage == stage && of_step != record.end() &&
         of_step->is_number_integer() && of_step->get<int64_t>() > step;
}

std::string without_later_steps(const std::string& text, const std::string& stage, int64_t step) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object()) continue;  // what a killed run left half written
    if (!is_later_step(record, stage, step)) kept += line + "\n";
  }
  return kept;
}

}  // namespace

void MetricsFile::cut(const std::string& stage, int64_t step) {
  try {
    if (!std::filesystem::exists(path_)) return;
    const std::string text = read_text_file(path_);
    const std::string kept = without_later_steps(text, stage, step);
    if (kept != text) write_file_atomically(path_, kept);
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void MetricsFile::give_up(const std::string& reason) {
  if (!failed_) log_warning("{}: {}; the run goes on without it", path_.string(), reason);
  failed_ = true;
}

void MetricsFile::append(const std::string& line) {
  if (failed_) return;
  const std::string bytes = line + "\n";
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int reason = fd < 0 ? errno : write_all(fd, bytes.data(), bytes.size());
  if (fd >= 0) ::close(fd);
  if (reason != 0) give_up(std::strerror(reason));
}

}  // namespace ropeway
