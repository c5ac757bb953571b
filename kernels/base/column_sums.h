// Second stage of sums over very many rows: to[c] += sum over rows of from[r, c], in double, in an order that
// depends on nothing but the number of rows and columns. Bytes read: sizeof(From) per element.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/team.h"

namespace ropeway {

// from [rows, columns], contiguous. A team adds `width` columns: its threads form walkers that take the rows
// in turn, and the walkers' sums are added pairwise. Little is read, and that from the cache, so the time is
// that of the loads that wait for each other: a walker has kAtOnce of them in flight.
template <typename From, typename To>
struct ColumnSums {
  static constexpr int kThreads = kMaxBlockThreads, kAtOnce = 8;

  const From* from;
  int64_t rows, columns;
  To* to;
  int width;  // a power of two, at most kWarp

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    double* const partial = team.template scratch<double>();  // [walkers, width]
    for (int64_t first = team.index() * width; first < columns; first += team.count() * width) {
      team.each([&](int thread) {
        const int64_t column = first + thread % width;
        partial[thread] = column < columns ? walk(column, thread / width, team.size() / width) : 0.0;
      });
      team.sync();
      for (int half = team.size() / 2; half >= width; half /= 2) {
        team.each([&](int thread) {
          if (thread < half) partial[thread] += partial[thread + half];
        });
        team.sync();
      }
      team.each([&](int thread) {
        if (thread >= width || first + thread >= columns) return;
        to[first + thread] = static_cast<To>(to[first + thread] + partial[thread]);
      });
      team.sync();
    }
  }

  ROPEWAY_TEAM_BODY double walk(int64_t column, int64_t walker, int64_t walkers) const {
    double sum = 0;
    for (int64_t r = walker; r < rows; r += kAtOnce * walkers) {
      From values[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) {
        const int64_t row = r + k * walkers;
        values[k] = row < rows ? from[row * columns + column] : From(0);
      }
      for (int k = 0; k < kAtOnce; ++k) sum += static_cast<double>(values[k]);
    }
    return sum;
  }
};

template <typename From, typename To, typename Launcher>
void add_column_sums(const Launcher& launcher, const char* name, const From* from, int64_t rows,
                     int64_t columns, To* to) {
  using Body = ColumnSums<From, To>;
  constexpr int kNarrowest = 8;  // columns that fill the 32 bytes in which memory is read
  int width = kWarp;
  while (width > 1 && width / 2 >= columns) width /= 2;
  while (width > kNarrowest && rows > Body::kAtOnce * (Body::kThreads / width)) width /= 2;
  launcher.blocks(name, Body{from, rows, columns, to, width},
                  std::min((columns + width - 1) / width, kMaxBlocks), Body::kThreads,
                  Body::kThreads * sizeof(double));
}

}  // namespace ropeway
