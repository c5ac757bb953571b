// RULER's figures over tasks and lengths, as its own table has them.
#pragma once

#include <vector>

#include "trainer/benchmarks/benchmark.h"

namespace ropeway {

// An average over tasks from which on a length counts as effective: Llama-2-7B-chat's at 4K.
inline constexpr double kEffectiveScore = 0.856;

// Of the RULER figures among `figures`, for every factor name: a row "ruler average" per length, "score" the
// mean over the tasks that are there at every length, and one row "ruler overall" at the longest length,
//   wavg_inc, wavg_dec  means over lengths with weights that rise or fall linearly from 1
//   effective_length    the longest length with an average of kEffectiveScore at it and at all shorter ones; 0: none
//   tasks               that the averages are over
// Where every length has one factor set, sets that differ by length are one schedule, called "by length".
std::vector<BenchmarkFigures> ruler_summary(const std::vector<BenchmarkFigures>& figures);

}  // namespace ropeway
