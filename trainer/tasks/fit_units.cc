#include "trainer/tasks/fit_units.h"

#include <algorithm>

namespace ropeway {

int64_t fit_units(int64_t smallest, int64_t limit, const std::function<int64_t(int64_t units)>& size_of) {
  constexpr int64_t kPrecision = 256;
  int64_t fits = smallest, fits_size = size_of(smallest);
  if (fits_size > limit) return -1;
  // One that is too many: twice as many each time, or what the last slope promises.
  int64_t beyond = 2 * smallest + 1, beyond_size = size_of(beyond);
  while (beyond_size <= limit) {
    const double slope = static_cast<double>(beyond_size - fits_size) / static_cast<double>(beyond - fits);
    if (slope <= 0) return beyond;  // more does not make it larger: there is no more
    const double promised =
        static_cast<double>(beyond) + 1.01 * static_cast<double>(limit - beyond_size) / slope + 1;
    fits = beyond;
    fits_size = beyond_size;
    beyond = std::max(beyond + 1, static_cast<int64_t>(promised));
    beyond_size = size_of(beyond);
  }
  while (beyond - fits > std::max<int64_t>(1, fits / kPrecision)) {
    const double share =
        static_cast<double>(limit - fits_size) / static_cast<double>(beyond_size - fits_size);
    const auto step = static_cast<int64_t>(share * static_cast<double>(beyond - fits));
    const int64_t margin = std::max<int64_t>(1, (beyond - fits) / 16);
    const int64_t middle = std::clamp(fits + step, fits + margin, beyond - margin);
    const int64_t size = size_of(middle);
    if (size <= limit) {
      fits = middle;
      fits_size = size;
    } else {
      beyond = middle;
      beyond_size = size;
    }
  }
  return fits;
}

}  // namespace ropeway
