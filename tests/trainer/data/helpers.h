// What the tests of trainer/data share: a folder that disappears, small files, and Python as an oracle.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

#include "kernels/base/error.h"

namespace ropeway {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "ropeway-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The error that `work` throws; nullopt when it throws none.
inline std::optional<Error> error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

inline std::string python() { return ROPEWAY_SOURCE_DIR "/.venv/bin/python"; }

// Standard output of `code` run as a script with these arguments; fails the test when it exits with another
// code than 0.
inline std::string run_python(const std::string& code, const std::string& arguments) {
  const TempDir folder;
  write_bytes(folder / "script.py", code);
  const std::string command = python() + " " + (folder / "script.py").string() + " " + arguments;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return output;
}

#define ROPEWAY_NEEDS_PYTHON()                                          \
  if (!std::filesystem::exists(::ropeway::python())) {                  \
    GTEST_SKIP() << "no " << ::ropeway::python() << " to compare with"; \
  }

}  // namespace ropeway
