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

class TemporaryFolder {
 public:
  TemporaryFolder() {
    // Logs are fsynced line by line: in memory that costs nothing.
    const std::filesystem::path parent =
        ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string name = (parent / "ropeway-search-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
inline std::string without_seconds(const std::string& log) {
  return std::regex_replace(log, std::regex(",\"seconds\":[^}]*"), "");
}
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline SearchOutcome search_alone(const SearchProblem& problem, Objective& objective,
                                  const std::filesystem::path& log) {
  const auto world = make_world_of_one();
  return run_search(problem, objective, Mesh(*world, {}), log, {});
}

}  // namespace ropeway
