// Where log lines go besides stderr, and which are shown.
#pragma once

#include <string>

#include "kernels/base/log.h"

namespace ropeway {

LogLevel log_level();  // the lowest that is shown

// From now on every log line of this process, of all levels, goes into this file too, with its time: appended
// to what is there. Where it cannot be opened or written, that is said once, and lines go on without it.
void open_log_file(const std::string& path);
// One line to that file; nothing before it is open.
void write_to_log_file(LogLevel level, const std::string& message);

}  // namespace ropeway
