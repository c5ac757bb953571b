// Which passkeys were found: a cell per depth and length, with counts.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

std::vector<charts::Picture> retrieval_pictures(const std::vector<RunData>& runs);  // one per run

}  // namespace ropeway::page
