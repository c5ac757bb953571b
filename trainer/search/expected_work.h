// What a search will cost at most, before it is run: for plans.
#pragma once

#include <cstdint>

#include "trainer/config/search_recipe.h"
#include "trainer/rope/schedules.h"
#include "trainer/search/cost.h"

namespace ropeway {

// The sum of the search's phases. trained_length: of the set the search starts from; the original window when
// it starts from none.
SearchWork expected_search_work(const SearchRecipe& options, const RopeGeometry& geometry,
                                int64_t trained_length, bool readjust);

}  // namespace ropeway
