// Repeats of an Oniguruma pattern. Inside this folder.
#pragma once

#include <optional>
#include <string>

#include "trainer/tokenizer/pattern_cursor.h"

namespace ropeway {

struct Repeat {
  std::string text;  // as PCRE2 writes it
  bool from_zero = false, lazy = false;
};

// A repeat where the cursor stands: *, +, ?, each lazy or possessive; {n}, {n,}, {,n}, {n,m}, the last three
// lazy or not. nullopt where there is none: other braces are text.
std::optional<Repeat> take_repeat(PatternCursor& cursor);

}  // namespace ropeway
