// Two recipes of which one does not fit the other's run, shown by the lines that differ.
#pragma once

#include <string>

namespace ropeway {

// The first lines of YAML that differ: "\n  there "seed: 1", here "seed: 5"". A line that only one of them
// has, such as a key that an earlier version did not know, stands alone.
std::string recipe_difference(const std::string& was, const std::string& is);

}  // namespace ropeway
