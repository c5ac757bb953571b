#include "trainer/benchmarks/proportion.h"

#include "kernels/base/error.h"
#include "trainer/report/interval.h"

namespace ropeway {

Proportion wilson_proportion(double successes, int64_t trials) {
  ROPEWAY_CHECK(trials > 0 && successes >= 0 && successes <= static_cast<double>(trials), "{} of {}",
                successes, trials);
  const Interval interval = interval_of_share(successes, trials).value();
  return {successes / static_cast<double>(trials), interval.low, interval.high};
}

}  // namespace ropeway
