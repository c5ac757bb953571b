// How each search went: every candidate, the best so far, and how the finalists compared.
#pragma once

#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

std::vector<charts::Picture> search_pictures(const std::vector<RunData>& runs);  // one per search

}  // namespace ropeway::page
