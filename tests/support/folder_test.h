// A folder that goes with the test, raw files, and errors by kind and text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/base/error.h"

namespace ropeway {

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ropeway-io-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
  }
  ~FolderTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::filesystem::path folder_;
};

inline void write_raw(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string read_raw(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// A folder on another file system than the tests' own, where hard links between the two are impossible; gone
// with it. `usable` is false where there is none.
struct OtherFileSystem {
  std::filesystem::path path = "/dev/shm/ropeway-io-" + std::to_string(::getpid());
  bool usable = false;
  explicit OtherFileSystem(const std::filesystem::path& here) {
    std::error_code error;
    if (!std::filesystem::create_directories(path, error)) return;
    write_raw(path / "probe", "x");
    std::filesystem::create_hard_link(path / "probe", here / "probe", error);
    usable = error && std::filesystem::exists(path / "probe");
    std::filesystem::remove(here / "probe", error);
    std::filesystem::remove(path / "probe", error);
  }
  ~OtherFileSystem() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

template <typename Action>
void expect_error(ErrorKind kind, const std::vector<std::string>& fragments, Action&& action,
                  std::optional<WayOut> way_out = {}) {
  const std::string first = fragments.empty() ? "" : fragments.front();
  try {
    action();
    ADD_FAILURE() << "no error; wanted one with '" << first << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(error.way_out(), way_out.value_or(error.way_out())) << error.what();
    for (const std::string& fragment : fragments) EXPECT_THAT(error.what(), testing::HasSubstr(fragment));
  }
}

}  // namespace ropeway
