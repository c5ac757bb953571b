#include "trainer/report/metrics_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/log.h"
#include "trainer/io/files.h"

namespace ropeway {

void MetricsFile::cut(const std::string& stage, int64_t step) {
  if (!std::filesystem::exists(path_)) return;
  std::istringstream lines(read_text_file(path_));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object()) continue;  // what a killed run left half written
    if (record.value("stage", "") == stage && record.value("step", int64_t{0}) > step) continue;
    kept += line + "\n";
  }
  write_file_atomically(path_, kept);
}

void MetricsFile::append(const std::string& line) {
  if (failed_) return;
  const std::string bytes = line + "\n";
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written =
      fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (!written) {
    failed_ = true;
    log_warning("{}: {}; the run goes on without it", path_.string(), std::strerror(reason));
  }
}

}  // namespace ropeway
