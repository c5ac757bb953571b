// How the benchmarks of GPU code tell what they found: a row of a table on stderr and a JSON object per line on
// stdout for every figure, as soon as it is known, so that a run that is cut short keeps what it has.
#pragma once

#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"

namespace ropeway::bench {

struct Figure {
  std::string what;  // "attention, causal, 32768: forward"
  std::string unit;  // "TF/s"
  double found = 0;
  double goal = 0;  // at least; 0: none
};

inline void report(const Figure& figure) {
  std::string goal = "null", verdict;
  if (figure.goal > 0) {
    goal = fmt::format("{:g}", figure.goal);
    verdict = fmt::format("goal {:<6} {}", goal, figure.found >= figure.goal ? "met" : "MISSED");
  }
  std::fputs(
      fmt::format("{:<56} {:>10.4g} {:<10} {}\n", figure.what, figure.found, figure.unit, verdict).c_str(),
      stderr);
  std::fputs(fmt::format("{{\"figure\": \"{}\", \"unit\": \"{}\", \"found\": {:.6g}, \"goal\": {}}}\n",
                         figure.what, figure.unit, figure.found, goal)
                 .c_str(),
             stdout);
  std::fflush(stdout);
}

// What main returns: 0, or the error's exit code with its message on stderr (71 without a GPU, 80 without the
// memory).
inline int run_to_exit_code(const char* program, const std::function<void()>& run) {
  try {
    run();
    return 0;
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    std::fprintf(stderr, "%s: %s\n", program, failure.message.c_str());
    return static_cast<int>(failure.kind);
  }
}

}  // namespace ropeway::bench
