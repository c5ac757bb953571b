// Characters that Unicode 15, 15.1 and 16 added. PCRE2 of Debian 12 knows Unicode 14 and has them in no class,
// PyPI tokenizers (0.23) knows Unicode 16. Each has a stand-in: an older character of the same general
// category and the same properties that classes of patterns name (Alphabetic, Lowercase, Uppercase), with as
// many bytes of UTF-8, and of the same script where that has one. A text with stand-ins is cut where the text
// itself should be, but by a few characters where a pattern names scripts (Cyrillic modifier letters stand
// among Latin ones, four Arabic marks have no older like). Inside this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ropeway {

// The text with stand-ins in place of these characters, of the same length; nullopt where it has none. The
// text is valid UTF-8.
std::optional<std::string> with_stand_ins(std::string_view text);

// Whether a set of the characters from `first` to `last` has some newer one without its stand-in, or the
// other way round.
bool tells_apart(uint32_t first, uint32_t last);

}  // namespace ropeway
