#include "kernels/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "kernels/base/log_output.h"
#include "kernels/base/printable.h"

namespace ropeway {
namespace {

int g_rank = 0;
LogLevel g_level = LogLevel::kInfo;

spdlog::logger& logger() {
  static auto instance = [] {
    auto created =
        std::make_shared<spdlog::logger>("ropeway", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");
    created->flush_on(spdlog::level::info);
    return created;
  }();
  return *instance;
}

}  // namespace

void set_log_rank(int rank) { g_rank = rank; }

void set_log_level(LogLevel level) {
  g_level = level;
  logger().set_level(level == LogLevel::kDebug  ? spdlog::level::debug
                     : level == LogLevel::kInfo ? spdlog::level::info
                                                : spdlog::level::warn);
}

LogLevel log_level() { return g_level; }

void log_message(LogLevel level, const std::string& message) {
  const std::string text = printable(message);
  write_to_log_file(level, text);
  const std::string who = g_rank == 0 ? "" : fmt::format("rank {}: ", g_rank);
  if (level == LogLevel::kWarning) {
    logger().warn("ropeway: warning: {}{}", who, text);
  } else if (g_rank == 0 || g_level == LogLevel::kDebug) {
    logger().log(level == LogLevel::kInfo ? spdlog::level::info : spdlog::level::debug, "ropeway: {}{}", who,
                 text);
  }
}

}  // namespace ropeway
