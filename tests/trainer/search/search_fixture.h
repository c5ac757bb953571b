// The toy of the search's design: 32 rotary pairs, base 1e4, window 256, and folders for logs.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "kernels/base/error.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/world_of_one.h"
#include "synthetic_objective.h"
#include "tests/support/temp_dir.h"
#include "trainer/search/search.h"

namespace ropeway {

inline SearchProblem toy_problem(int64_t scale = 8) {
  SearchProblem problem;
  problem.geometry = {32, 1e4, 256};
  problem.target_length = 256 * scale;
  problem.trained_length = 256;
  problem.seed = 42;
  return problem;
}

// The best known shape at 8x: a jump, a little bent.
inline std::vector<double> toy_target(const SearchProblem& problem) {
  const double s = static_cast<double>(problem.target_length) / 256;
  std::vector<double> target = jump_factors(32, s, 9, 13, std::pow(s, 0.6));
  for (size_t i = 13; i < target.size(); ++i) target[i] *= 1 + 0.005 * static_cast<double>(i - 13);
  for (size_t i = 5; i < 13; ++i) target[i] = std::max(target[i], 1 + 0.03 * static_cast<double>(i - 4));
  return target;
}

// Logs are fsynced line by line: in memory that costs nothing.
class LogFolder : public TempDir {
 public:
  LogFolder()
      : TempDir(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path()) {}
};

inline std::string without_seconds(const std::string& log) {
  return std::regex_replace(log, std::regex(",\"seconds\":[^}]*"), "");
}
inline SearchOutcome search_alone(const SearchProblem& problem, Objective& objective,
                                  const std::filesystem::path& log) {
  const auto world = make_world_of_one();
  return run_search(problem, objective, Mesh(*world, {}), log, {});
}

}  // namespace ropeway
