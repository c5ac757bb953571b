// Where the rows of an attention tensor lie.
#pragma once

#include <cstdint>

#include "kernels/base/host_device.h"

namespace ropeway {

// Row (b, h, n) of a tensor [B, H, N, D] starts b*batch + h*head + n*token elements after its first element;
// its D elements are contiguous. The same for [B, H, N] with rows of one element.
struct RowStrides {
  int64_t batch = 0, head = 0, token = 0;
  ROPEWAY_HOST_DEVICE int64_t offset(int64_t b, int64_t h, int64_t n) const {
    return b * batch + h * head + n * token;
  }
};

}  // namespace ropeway
