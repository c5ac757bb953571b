#include "kernels/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace ropeway {
namespace {

int g_rank = 0;

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
  logger().set_level(level == LogLevel::kDebug  ? spdlog::level::debug
                     : level == LogLevel::kInfo ? spdlog::level::info
                                                : spdlog::level::warn);
}

void log_message(LogLevel level, const std::string& message) {
  if (level == LogLevel::kWarning) {
    logger().warn("ropeway: warning: {}{}", g_rank == 0 ? "" : fmt::format("rank {}: ", g_rank), message);
  } else if (g_rank == 0) {
    logger().log(level == LogLevel::kInfo ? spdlog::level::info : spdlog::level::debug, "ropeway: {}",
                 message);
  }
}

}  // namespace ropeway
