// What the host that this process runs on is called.
#pragma once

#include <unistd.h>

#include <string>

namespace ropeway {

inline std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace ropeway
