// RULER's tasks by length, and the figures of other benchmarks.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

// A map of RULER per run, and a table of everything else (a picture without one).
std::vector<charts::Picture> benchmark_pictures(const std::vector<RunData>& runs);

}  // namespace ropeway::page
