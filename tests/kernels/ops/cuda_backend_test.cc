// What can be said of the CUDA half on any machine.
#include "kernels/ops/cuda_backend.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "kernels/base/error.h"

namespace ropeway::ops {
namespace {

TEST(CudaBackend, IsRefusedWithItsReason) {
  const std::string reason = why_no_cuda();
  if (reason.empty()) GTEST_SKIP() << "there is a CUDA device";
  try {
    require_cuda();
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kLauncher);
    EXPECT_EQ(error.what(), "device cuda: " + reason);
  }
}

// A host without a GPU must not pay for one: libtorch's CUDA half stays out of the process.
TEST(CudaBackend, IsNotLoadedUnasked) {
  if (why_no_cuda().empty()) GTEST_SKIP() << "there is a CUDA device";
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    EXPECT_EQ(line.find("libtorch_cuda.so"), std::string::npos) << line;
}

}  // namespace
}  // namespace ropeway::ops
