// Characters and classes of an Oniguruma pattern. Inside this folder.
#pragma once

#include <cstdint>
#include <optional>

#include "trainer/tokenizer/character_set.h"
#include "trainer/tokenizer/pattern_cursor.h"

namespace ropeway {

// The character that an escape stands for: \t, \x41, \x{4e2d}, \u4e2d, \v (a vertical tab), \., ...
// letter: what follows the backslash; the cursor stands behind it. nullopt for escapes of another kind.
std::optional<uint32_t> take_escaped_character(PatternCursor& cursor, uint32_t letter, bool in_class);

// The set that an escape stands for: \w, \p{Letter}, \P{^Lu}, ...; nullopt for escapes of another kind.
std::optional<CharacterSet> take_escaped_set(PatternCursor& cursor, uint32_t letter, bool in_class);

// A class; the cursor stands behind its [. Classes within it, their intersections (&&) and POSIX names are
// translated; what would be another set while case is ignored is refused.
CharacterSet take_class(PatternCursor& cursor, bool ignore_case);

}  // namespace ropeway
