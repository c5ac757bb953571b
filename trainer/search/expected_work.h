// What a search will cost, before it is run: for plans. The parts follow search.cc; ties among seeds, and
// races that end early, make the search itself cheaper.
#pragma once

#include "trainer/search/search.h"

namespace ropeway {

struct SearchWork {
  double forwards = 0, gradients = 0;  // over sequences of the target length
};
// trained_length: of the set the search starts from; the original window when it starts from none.
SearchWork expected_search_work(const SearchRecipe& options, const RopeGeometry& geometry,
                                int64_t trained_length, bool readjust);

}  // namespace ropeway
