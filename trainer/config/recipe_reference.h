// What every key of a recipe means, written from the table that the parser reads: type, range, default, the kinds of
// stage it is for.
#pragma once

#include <string>

namespace ropeway {

std::string recipe_reference();           // for a terminal
std::string recipe_reference_markdown();  // configs/REFERENCE.md

}  // namespace ropeway
