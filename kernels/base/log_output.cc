#include "kernels/base/log_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>

namespace ropeway {
namespace {

struct LogFile {
  std::mutex mutex;
  std::string path;
  std::FILE* file = nullptr;

  ~LogFile() { close(); }
  void close() {
    if (file != nullptr) std::fclose(file);
    file = nullptr;
  }
};

LogFile& log_file() {
  static LogFile file;
  return file;
}

const char* word_of(LogLevel level) {
  return level == LogLevel::kWarning ? "warning" : level == LogLevel::kInfo ? "info" : "debug";
}

}  // namespace

void open_log_file(const std::string& path) {
  std::string reason;
  {
    LogFile& log = log_file();
    const std::lock_guard lock(log.mutex);
    log.close();
    log.path = path;
    log.file = std::fopen(path.c_str(), "ae");
    if (log.file == nullptr) reason = std::strerror(errno);
  }
  if (!reason.empty()) log_warning("{}: {}; log lines go to stderr only", path, reason);
}

void write_to_log_file(LogLevel level, const std::string& message) {
  LogFile& log = log_file();
  std::string reason;
  {
    const std::lock_guard lock(log.mutex);
    if (log.file == nullptr) return;
    const std::time_t now = std::time(nullptr);
    const std::string line =
        fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {}: {}\n", fmt::gmtime(now), word_of(level), message);
    const bool written =
        std::fwrite(line.data(), 1, line.size(), log.file) == line.size() && std::fflush(log.file) == 0;
    if (written) return;
    reason = std::strerror(errno);
    log.close();
  }
  log_warning("{}: {}; log lines go to stderr only", log.path, reason);
}

}  // namespace ropeway
