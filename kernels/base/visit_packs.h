// A thread's walk over the packs of an array, for kernels that do little with each: the loads of several
// packs are under way before the first of them is used, because one load per thread does not keep a large
// GPU's memory busy while it waits.
#pragma once

#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"

namespace ropeway {

// body(i, values) for the packs i = first, first + step, ... below `count` of an array, in this order.
template <int N, int kAtOnce, typename T, typename Body>
ROPEWAY_TEAM_BODY void visit_packs(const T* from, int64_t first, int64_t count, int64_t step,
                                   const Body& body) {
  for (int64_t i = first; i < count; i += kAtOnce * step) {
    accumulation_t<T> values[kAtOnce][N];
    for (int k = 0; k < kAtOnce; ++k) {
      if (i + k * step < count) load_pack<N>(from + (i + k * step) * N, values[k]);
    }
    for (int k = 0; k < kAtOnce; ++k) {
      if (i + k * step < count) body(i + k * step, values[k]);
    }
  }
}

}  // namespace ropeway
