// The factors of each set over the rotary pairs, beside the formulas for the same length, and the periods they make.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

// Two per set that a search found: factors, and periods. Sets of the same name of several runs share theirs.
std::vector<charts::Picture> factor_pictures(const std::vector<RunData>& runs);

}  // namespace ropeway::page
