// The way in to GPUs, as far as this machine has any.
#include "parallel/device/cuda_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(CudaJob, IsRefusedWithoutADevice) {
  const std::string reason = ops::why_no_cuda();
  if (reason.empty()) GTEST_SKIP() << "there is a CUDA device";
  MpiSession session;  // no launcher: a job of one rank
  try {
    const CudaJob job(session);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kLauncher);
    EXPECT_THAT(e.what(),
                AllOf(HasSubstr("device cuda: " + reason), HasSubstr("   0  " + session.host_name())));
  }
}

TEST(CudaJobOnGpu, OneRankNeedsNoNccl) {
  if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  MpiSession session;
  CudaJob job(session);
  EXPECT_TRUE(job.device().is_cuda());
  EXPECT_NE(job.ring_links(session.world()).keys, nullptr);
  job.check();
  job.close();
}

}  // namespace
}  // namespace ropeway::testing
