// Bits per byte by length, for every factor set that was evaluated.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

// Bits per byte; perplexity per token where a run has no bits. Runs are drawn over each other.
std::vector<charts::Picture> length_pictures(const std::vector<RunData>& runs);

}  // namespace ropeway::page
