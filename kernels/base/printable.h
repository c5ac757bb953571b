// Text that a terminal only shows: names and contents of files may hold bytes that move its cursor, change its
// title or hide what was written.
#pragma once

#include <string>
#include <string_view>

namespace ropeway {

// Control characters but newline and tab as \x1b; those of Unicode (U+0080 to U+009F, in UTF-8) as \u009b.
std::string printable(std::string_view text);

}  // namespace ropeway
