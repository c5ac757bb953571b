// Text that is not a window's own.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/evaluate/scored_windows.h"

namespace ropeway {

// `count` tokens of the other documents, one behind the other in order and from the first again, beginning
// after count * index of them. Where these have fewer than `count` in all, of the parts of the window's own
// document that the window of `length` tokens does not cover. Throws kBadData where that is too little as
// well.
std::vector<int32_t> foreign_text(const MarkedDocuments& documents, const ScoredWindow& window,
                                  int64_t length, int64_t count, int64_t index);

}  // namespace ropeway
