// The table of benchmarks at the end of a run and of a command: a row per task, factors and length; and per
// model, where records name one.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/reporter.h"

namespace ropeway {

// "" when there are none.
std::string benchmark_table(const std::vector<BenchmarkRecord>& records);

}  // namespace ropeway
