// Versions of the program and of what it was built with, a line each.
#pragma once

#include <string>

namespace ropeway {

std::string version_text();

}  // namespace ropeway
