// The table of keys as a JSON Schema (draft 2020-12), for editors and for tools that check recipes without this
// program. What one key says is in it, required keys and the keys of each kind of stage included; what keys say
// together (names of factor sets, multiples of ranks) is not.
#pragma once

#include <string>

namespace ropeway {

std::string recipe_schema();  // JSON, indented, with a line end behind it

}  // namespace ropeway
