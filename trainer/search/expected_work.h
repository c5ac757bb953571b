// What a search will cost at most, before it is run: for plans. The parts follow search.cc. Seeds that are
// dropped or equal, races that end early, and a descent that gains nothing more make the search itself
// cheaper.
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
