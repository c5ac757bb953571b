// The matrix product under blockwise attention: C (+)= A B on tiles that fit the cache, for a body
// under with_widest_vectors. C is held in registers, kTileRows x kTileColumns at a time; B's rows are
// read as vectors and A's elements one by one, so A may be transposed for free. Reaches about nine
// tenths of a core's peak.
#pragma once

#include <cstdint>

#include "kernels/base/host_device.h"

namespace ropeway {

// The part of C in registers: eight rows of two vectors where there are 32 registers, four rows
// where there are 16.
template <typename Acc, int vector_bytes>
struct RegisterTile {
  static constexpr int kRows = vector_bytes == 64 ? 8 : 4;
  static constexpr int kColumns = 2 * vector_bytes / static_cast<int>(sizeof(Acc));
};
// Rows and columns of C must be multiples of these, which suit every width; operands are padded with zeros.
inline constexpr int64_t kRowMultiple = 8;
template <typename Acc>
inline constexpr int64_t kColumnMultiple = 64 / static_cast<int64_t>(sizeof(Acc));

inline constexpr int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// A[i][k] at a + i*row_stride + k*inner_stride.
template <typename Acc>
struct LeftOperand {
  const Acc* a = nullptr;
  int64_t row_stride = 0, inner_stride = 0;
};

namespace internal {

template <bool accumulate, int kRows, int kColumns, typename Acc>
ROPEWAY_HOST_DEVICE void register_tile(LeftOperand<Acc> left, const Acc* b, int64_t b_stride, Acc* c,
                                       int64_t c_stride, int64_t inner) {
  Acc sum[kRows][kColumns];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kColumns; ++v) sum[r][v] = accumulate ? c[r * c_stride + v] : Acc(0);
  }
  for (int64_t k = 0; k < inner; ++k) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Acc a = left.a[r * left.row_stride];
#pragma omp simd
      for (int v = 0; v < kColumns; ++v) sum[r][v] += a * b[v];
    }
    left.a += left.inner_stride;
    b += b_stride;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kColumns; ++v) c[r * c_stride + v] = sum[r][v];
  }
}

template <bool accumulate, int kRows, int kColumns, typename Acc>
ROPEWAY_HOST_DEVICE void column_panel(LeftOperand<Acc> left, const Acc* b, int64_t b_stride, Acc* c,
                                      int64_t c_stride, int64_t rows, int64_t inner) {
  for (int64_t i = 0; i < rows; i += kRows) {
    register_tile<accumulate, kRows, kColumns>(left, b, b_stride, c, c_stride, inner);
    left.a += kRows * left.row_stride;
    c += kRows * c_stride;
  }
}

}  // namespace internal

// C [rows, columns] = (accumulate ? C : 0) + A [rows, inner] * B [inner, columns].
template <bool accumulate, int vector_bytes, typename Acc>
ROPEWAY_HOST_DEVICE void tile_product(LeftOperand<Acc> left, const Acc* b, int64_t b_stride, Acc* c,
                                      int64_t c_stride, int64_t rows, int64_t columns, int64_t inner) {
  using Tile = RegisterTile<Acc, vector_bytes>;
  constexpr int kRows = Tile::kRows, kColumns = Tile::kColumns;
  int64_t j = 0;
  for (; j + kColumns <= columns; j += kColumns) {
    internal::column_panel<accumulate, kRows, kColumns>(left, b + j, b_stride, c + j, c_stride, rows, inner);
  }
  if constexpr (kColumns > kColumnMultiple<Acc>) {
    constexpr int kRest = static_cast<int>(kColumnMultiple<Acc>);
    if (j < columns) {
      internal::column_panel<accumulate, kRows, kRest>(left, b + j, b_stride, c + j, c_stride, rows, inner);
    }
  }
}

}  // namespace ropeway
