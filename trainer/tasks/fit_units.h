// How much haystack fits into a length.
#pragma once

#include <cstdint>
#include <functional>

namespace ropeway {

// The largest number of units, from `smallest` on, whose size is at most `limit`, to within one in 256 of it.
// size_of: grows with the units, nearly in proportion; it is asked for about ten of them. -1: the smallest
// does not fit.
int64_t fit_units(int64_t smallest, int64_t limit, const std::function<int64_t(int64_t units)>& size_of);

}  // namespace ropeway
