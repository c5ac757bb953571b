// Times in lines of the log. (A page writes them out, charts/number_text.h; a plan has figures to compare, in one unit;
// a recipe's are exact, config/cadence.h.)
#pragma once

#include <string>

namespace ropeway {

std::string duration_text(double seconds);  // 12s, 3m12s, 2h05m, 3d04h

}  // namespace ropeway
