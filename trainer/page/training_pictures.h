// Loss, learning rate, gradient norm, tokens per second, memory and times over the training steps of all stages.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

// Stages follow each other on one axis; resumes are marked. Runs are drawn over each other.
std::vector<charts::Picture> training_pictures(const std::vector<RunData>& runs);

}  // namespace ropeway::page
