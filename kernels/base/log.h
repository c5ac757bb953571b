// Log lines on stderr: `ropeway: message`. Rank 0 speaks; other ranks only when they warn about themselves.
#pragma once

#include <fmt/format.h>

#include <string>

namespace ropeway {

enum class LogLevel { kDebug, kInfo, kWarning };

void set_log_rank(int rank);  // called once when the communicator exists; thread-ranks share one setting
void set_log_level(LogLevel level);  // the lowest level that is printed; default kInfo
void log_message(LogLevel level, const std::string& message);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ropeway
