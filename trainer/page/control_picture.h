// What the figures of long inputs had to stand up to (trainer/evaluate/controls.h).
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

std::vector<charts::Picture> control_pictures(const std::vector<RunData>& runs);  // one, or none

}  // namespace ropeway::page
