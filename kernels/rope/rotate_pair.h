// One rotary pair: the maths shared by all devices.
#pragma once

#include "kernels/base/host_device.h"

namespace ropeway {

// (x1, x2) turned by the angle whose cosine and sine are c and s (both already times the
// attention temperature).
template <typename Acc>
ROPEWAY_HOST_DEVICE void rotate_pair(Acc x1, Acc x2, Acc c, Acc s, Acc& y1, Acc& y2) {
  y1 = x1 * c - x2 * s;
  y2 = x2 * c + x1 * s;
}

// The transposed map: turns by the opposite angle, same factor.
template <typename Acc>
ROPEWAY_HOST_DEVICE void rotate_pair_transposed(Acc g1, Acc g2, Acc c, Acc s, Acc& d1, Acc& d2) {
  d1 = g1 * c + g2 * s;
  d2 = g2 * c - g1 * s;
}

}  // namespace ropeway
