// Runs a Python script with the repository's virtual environment (transformers, safetensors, numpy) and returns
// what it prints: the independent opinion in tests that compare with those libraries.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace ropeway {

inline std::string python() { return ROPEWAY_SOURCE_DIR "/.venv/bin/python"; }

#define ROPEWAY_NEEDS_PYTHON()                                                              \
  if (!std::filesystem::exists(::ropeway::python())) {                                      \
    GTEST_SKIP() << ::ropeway::python() << " is not there: run launch/setup.sh to make it"; \
  }

// Standard output of the script, started with these arguments. A script that ends with another code than 0
// fails the test.
inline std::string run_python(const std::string& script, const std::string& arguments = "") {
  const TempDir folder;
  const std::string command =
      "OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error CUDA_VISIBLE_DEVICES= '" + python() +
      "' '" + folder.file("script.py", script) + "' " + arguments;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << "script failed:\n" << script;
  return output;
}

// The numbers of one printed line.
inline std::vector<double> numbers_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<double> values;
  for (double value; stream >> value;) values.push_back(value);
  return values;
}

}  // namespace ropeway
