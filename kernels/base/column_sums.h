// Second stage of sums over very many rows: to[c] += sum over rows of from[r, c], in double, in an order that
// depends on nothing but the number of rows and threads. Bytes: sizeof(From) an element.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/team.h"

namespace ropeway {

// from [rows, columns], contiguous. A team adds 32 columns: its warps each take every so many-th row.
template <typename From, typename To>
struct ColumnSums {
  const From* from;
  int64_t rows, columns;
  To* to;

  static constexpr int kThreads = kMaxBlockThreads;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    double* const partial = team.template scratch<double>();
    for (int64_t first = team.index() * kWarp; first < columns; first += team.count() * kWarp) {
      team.each([&](int thread) {
        const int64_t column = first + thread % kWarp;
        double sum = 0;
        if (column < columns) {
          for (int64_t r = thread / kWarp; r < rows; r += team.size() / kWarp) {
            sum += from[r * columns + column];
          }
        }
        partial[thread] = sum;
      });
      team.sync();
      team.each([&](int thread) {
        if (thread >= kWarp || first + thread >= columns) return;
        double sum = 0;
        for (int i = thread; i < team.size(); i += kWarp) sum += partial[i];
        to[first + thread] = static_cast<To>(to[first + thread] + sum);
      });
      team.sync();
    }
  }
};

template <typename From, typename To, typename Launcher>
void add_column_sums(const Launcher& launcher, const char* name, const From* from, int64_t rows,
                     int64_t columns, To* to) {
  using Body = ColumnSums<From, To>;
  launcher.blocks(name, Body{from, rows, columns, to}, std::min((columns + kWarp - 1) / kWarp, kMaxBlocks),
                  Body::kThreads, Body::kThreads * sizeof(double));
}

}  // namespace ropeway
