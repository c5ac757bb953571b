// Unicode's case folding where one character stands for several: U+00DF for "ss", U+FB01 for "fi", ...
// (CaseFolding.txt, status F). Inside this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropeway {

bool folds_to_several(uint32_t code);
// The one character that it folds to, of those that fold to one.
uint32_t folded(uint32_t code);
// How many characters at the end of a text of folded characters some one character folds to; 0: none does.
size_t fold_at_end(std::u32string_view text);

}  // namespace ropeway
