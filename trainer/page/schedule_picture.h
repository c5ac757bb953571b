// The stages of a run and the time each took.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

// One picture per run.
std::vector<charts::Picture> schedule_pictures(const std::vector<RunData>& runs);

}  // namespace ropeway::page
