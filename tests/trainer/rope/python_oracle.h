// Runs a Python script with the repository's virtual environment (transformers, safetensors, numpy) and
// returns what it prints: the independent opinion in tests that compare with those libraries.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace ropeway {

inline std::string python_path() { return std::string(ROPEWAY_SOURCE_DIR) + "/.venv/bin/python"; }

#define ROPEWAY_NEEDS_PYTHON()                                                        \
  if (!std::filesystem::exists(python_path())) {                                      \
    GTEST_SKIP() << python_path() << " is not there: run launch/setup.sh to make it"; \
  }

// Standard output of the script; a failing script fails the test.
inline std::string run_python(const std::string& script) {
  std::string folder = (std::filesystem::temp_directory_path() / "ropeway-python-XXXXXX").string();
  EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/script.py";
  std::ofstream(file) << script;
  const std::string command =
      "OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error CUDA_VISIBLE_DEVICES= '" +
      python_path() + "' '" + file + "'";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
  const int status = ::pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "script failed:\n" << script;
  std::filesystem::remove_all(folder);
  return output;
}

// The numbers of one printed line.
inline std::vector<double> numbers_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<double> values;
  for (double value; stream >> value;) values.push_back(value);
  return values;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace ropeway
