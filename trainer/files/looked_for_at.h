// For messages about files that are not there: a relative path in a recipe is one from the folder that the program was
// started in, which its reader may not be in.
#pragma once

#include <filesystem>
#include <string>

namespace ropeway {

// ", looked for at /home/a/model"; "" for an absolute path, which says it by itself.
std::string looked_for_at(const std::filesystem::path& path);

}  // namespace ropeway
