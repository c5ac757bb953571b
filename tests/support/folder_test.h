// A test with a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace ropeway {

class FolderTest : public testing::Test {
  const TempDir made_;

 protected:
  const std::filesystem::path folder_ = made_.path();
};

// A folder on another file system than the tests' own, where hard links between the two are impossible; gone
// with it. `usable` is false where there is none.
struct OtherFileSystem {
  std::filesystem::path path = "/dev/shm/ropeway-io-" + std::to_string(::getpid());
  bool usable = false;
  explicit OtherFileSystem(const std::filesystem::path& here) {
    std::error_code error;
    if (!std::filesystem::create_directories(path, error)) return;
    write_bytes(path / "probe", "x");
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

}  // namespace ropeway
