// NCCL itself between processes, each on a GPU of its own or, where there are fewer GPUs than ranks, on the
// same one: NCCL refuses that unless every rank passes for a host of its own (NCCL_HOSTID), connected through
// the loopback interface. For correctness; the speed of such a ring says nothing.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "kernels/ops/cuda_backend.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/nccl_group.h"
#include "parallel/comm/nccl_library.h"
#include "parallel/comm/nccl_ring.h"
#include "parallel/device/devices.h"
#include "tests/parallel/mpi_main.h"
#include "tests/parallel/ring_cases.h"

namespace ropeway::testing {
namespace {

class NcclOnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = ops::why_no_cuda();
    if (any_rank(world(), !reason.empty())) {
      GTEST_SKIP() << (reason.empty() ? "another rank has no CUDA device" : reason);
    }
    const int devices = static_cast<int>(visible_devices().size());
    if (devices < world().size()) {
      setenv("NCCL_HOSTID", ("rank" + std::to_string(world().rank())).c_str(), 1);
      setenv("NCCL_SOCKET_IFNAME", "lo", 1);
      setenv("NCCL_MAX_CTAS", "2", 1);
    }
    const int index = mpi_session().local_rank() % devices;
    device = ops::use_cuda_device(index);
    queues = make_device_queues(index);
    session = std::make_unique<NcclSession>(
        nccl_library(), *queues, NcclOptions{.join_seconds = 60, .hang_seconds = 60, .end_job = [](int code) {
                                               world().abort(code);
                                             }});
  }
  static Communicator& world() { return mpi_session().world(); }

  c10::Device device = at::kCPU;
  std::unique_ptr<DeviceQueues> queues;
  std::unique_ptr<NcclSession> session;
};

TEST_F(NcclOnGpu, RingAttentionIsThatOfTheWholeSequence) {
  const RingCase c{
      .length = 2048, .heads = 8, .kv_heads = 2, .head_dim = 128, .dtype = at::kBFloat16, .device = device};
  const auto links = [&](Communicator& group) { return nccl_ring_links(*session, group); };
  const RingErrors errors = ring_errors(world(), c, make_problem(c), links);
  EXPECT_LE(errors.lse, 1e-4);
  EXPECT_LE(errors.out, 1e-2);
  EXPECT_LE(errors.dq, 2e-2);
  EXPECT_LE(errors.dk, 2e-2);
  EXPECT_LE(errors.dv, 2e-2);
  session->close();
}

TEST_F(NcclOnGpu, CollectivesAreThoseOfTheCommunicator) {
  DeviceGroup group(*session, world());
  const CudaStream stream = ops::current_cuda_stream(device);
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const at::Tensor sum = at::full({1000}, world().rank() + 1.0, options);
  group.all_reduce(sum.mutable_data_ptr(), 1000, DType::kF32, ReduceOp::kSum, stream);
  EXPECT_EQ(sum.sum().item<double>(), 1000.0 * world().size() * (world().size() + 1) / 2);
  const at::Tensor value = at::full({10}, 1.0 * world().rank(), options);
  group.broadcast(value.mutable_data_ptr(), 40, world().size() - 1, stream);
  EXPECT_EQ(value.sum().item<double>(), 10.0 * (world().size() - 1));
  session->close();
}

}  // namespace
}  // namespace ropeway::testing
