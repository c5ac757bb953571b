// Where the rows of a matrix lie whose rows come in groups, such as the heads of a token.
#pragma once

#include <cstdint>

#include "kernels/base/host_device.h"

namespace ropeway {

// Row r is row r % per_group of group r / per_group. Groups lie group_stride elements apart, the rows of a
// group row_stride. per_group = 1: plain rows.
struct RowLayout {
  int64_t group_stride = 0, per_group = 1, row_stride = 0;
  ROPEWAY_HOST_DEVICE int64_t offset(int64_t row) const {
    if (per_group == 1) return row * group_stride;
    const int64_t group = row / per_group;
    return group * group_stride + (row - group * per_group) * row_stride;
  }
  // One past the last row of `row`'s group; plain rows count as one group of them all.
  ROPEWAY_HOST_DEVICE int64_t group_end(int64_t row, int64_t rows) const {
    const int64_t end = (row / per_group + 1) * per_group;
    return per_group == 1 || end > rows ? rows : end;
  }
};

}  // namespace ropeway
