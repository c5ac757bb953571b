// Files by pattern: a path whose last part may hold '*' (any run of characters). No other character is
// special, and folders are named in full.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

// The regular files that match, in byte order of their names. Names that begin with '.' match only a pattern
// that does. A pattern without '*' is that file. Throws kMissingInput naming the pattern or folder when
// nothing matches, kConfig for a '*' in the folder part.
std::vector<std::filesystem::path> expand_file_pattern(const std::string& pattern);

}  // namespace ropeway
