// The parts of the page that are not pictures: figures at a glance, samples, and the run's record.
#pragma once

#include <string>
#include <vector>

#include "trainer/page/run_data.h"

namespace ropeway::page {

// The handful of figures that a reader wants first.
std::string tiles_html(const RunData& run);
std::string samples_html(const RunData& run);  // "" without samples
// Recipe, commands, environment, data and hashes, and the history of the factor sets.
std::string record_html(const RunData& run);

}  // namespace ropeway::page
