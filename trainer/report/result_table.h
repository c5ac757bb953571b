// The table people look at: a row per model and factor set, a column per length; bits per byte, then passkey
// accuracy.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/reporter.h"

namespace ropeway {

std::string result_table(const std::vector<EvaluationRecord>& evaluations);

}  // namespace ropeway
