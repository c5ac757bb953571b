// Copies of one head's rows in the order and type the tile products want: acc type, padded with zeros.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/element.h"
#include "kernels/base/host_device.h"

namespace ropeway {

// to[i*width + d] = factor * from[i][d] for i < rows, d < dim; zero for d up to width and i up
// to padded_rows.
template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void pack_rows(const T* from, int64_t token_stride, int64_t rows, int64_t dim, Acc factor,
                                   Acc* to, int64_t padded_rows, int64_t width) {
  for (int64_t i = 0; i < rows; ++i) {
    const T* const source = row_pointer(from, i, token_stride);
    Acc* const target = to + i * width;
#pragma omp simd
    for (int64_t d = 0; d < dim; ++d) target[d] = factor * load_element(source + d);
    for (int64_t d = dim; d < width; ++d) target[d] = 0;
  }
  std::fill(to + rows * width, to + padded_rows * width, Acc(0));
}

// to[d*width + i] = from[i][d] for i < rows, d < dim; zero for i up to width.
template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void pack_transposed(const T* from, int64_t token_stride, int64_t rows, int64_t dim,
                                         Acc* to, int64_t width) {
  // Sixteen rows at a time: what is written together shares cache lines.
  constexpr int64_t kTogether = 16;
  for (int64_t begin = 0; begin < rows; begin += kTogether) {
    const int64_t end = std::min(begin + kTogether, rows);
    for (int64_t d = 0; d < dim; ++d) {
      for (int64_t i = begin; i < end; ++i)
        to[d * width + i] = load_element(row_pointer(from, i, token_stride) + d);
    }
  }
  for (int64_t d = 0; d < dim; ++d) std::fill(to + d * width + rows, to + (d + 1) * width, Acc(0));
}

}  // namespace ropeway
