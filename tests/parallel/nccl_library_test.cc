// The real libnccl, as far as a machine without a GPU goes: it is opened when asked for, and has all that is
// called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "kernels/base/error.h"
#include "parallel/comm/nccl_library.h"

namespace ropeway::testing {
namespace {

bool is_loaded() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("libnccl.so") != std::string::npos) return true;
  }
  return false;
}

TEST(NcclLibrary, IsOpenedWhenAskedFor) {
  EXPECT_FALSE(is_loaded());
  try {
    EXPECT_THAT(nccl_library().version(), ::testing::MatchesRegex("2\\.[0-9]+\\.[0-9]+"));
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kLauncher);
    GTEST_SKIP() << e.what();
  }
  EXPECT_TRUE(is_loaded());
}

}  // namespace
}  // namespace ropeway::testing
