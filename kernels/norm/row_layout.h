// Where the rows of a matrix lie whose rows come in groups, such as the heads of a token.
#pragma once

#include <cstdint>

#include "kernels/base/host_device.h"

namespace ropeway {

// Row r is row r % per_group of group r / per_group; groups and rows are so many elements apart.
struct RowLayout {
  int64_t group_stride = 0, per_group = 1, row_stride = 0;
  ROPEWAY_HOST_DEVICE int64_t offset(int64_t row) const {
    if (per_group == 1) return row * group_stride;
    const int64_t group = row / per_group;
    return group * group_stride + (row - group * per_group) * row_stride;
  }
};

}  // namespace ropeway
