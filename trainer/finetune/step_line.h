// A training step in a line, for people: what is not known is left out.
#pragma once

#include <string>

#include "trainer/report/reporter.h"

namespace ropeway {

// "loss 1.4320  grad 0.38  lr 5.00e-04  8.1k tok/s (1.0k/rank)  412 TFLOP/s (63%)  61.2 GiB  data 1%  save 2.1s
// all 3h05m"; `all` is what the whole run still takes.
std::string step_line(const StepRecord& record, int ranks);

}  // namespace ropeway
