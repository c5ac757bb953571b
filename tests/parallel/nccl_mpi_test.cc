// NCCL itself between processes, each on a GPU of its own or, where there are fewer GPUs than ranks, on the
// same one: NCCL refuses that unless every rank passes for a host of its own (NCCL_HOSTID), connected through
// the loopback interface. For correctness; the speed of such a ring says nothing.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "kernels/ops/cuda_backend.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/nccl_collectives.h"
#include "parallel/comm/nccl_library.h"
#include "parallel/comm/nccl_ring.h"
#include "parallel/device/devices.h"
#include "tests/parallel/collectives_cases.h"
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
  CurrentStream current_stream() const {
    return [device = device] { return ops::current_cuda_stream(device); };
  }

  c10::Device device = at::kCPU;
  std::unique_ptr<DeviceQueues> queues;
  std::unique_ptr<NcclSession> session;
};

TEST_F(NcclOnGpu, RingAttentionIsThatOfTheWholeSequence) {
  const RingCase c{
      .length = 2048, .heads = 8, .kv_heads = 2, .head_dim = 128, .dtype = at::kBFloat16, .device = device};
  const auto links = [&](Communicator& group) { return nccl_ring_links(*session, group, current_stream()); };
  const RingErrors errors = ring_errors(world(), c, make_problem(c), links);
  EXPECT_LE(errors.lse, 1e-4);
  EXPECT_LE(errors.out, 1e-2);
  EXPECT_LE(errors.dq, 2e-2);
  EXPECT_LE(errors.dk, 2e-2);
  EXPECT_LE(errors.dv, 2e-2);
  session->close();
}

class GpuMemory : public CaseMemory {
 public:
  explicit GpuMemory(c10::Device device) : device_(device) {}
  std::shared_ptr<void> allocate(int64_t bytes) override {
    const at::Tensor memory = at::empty({bytes + 1}, at::TensorOptions(at::kByte).device(device_));
    return {memory.mutable_data_ptr(), [memory](void*) {}};
  }
  void put(void* to, const void* from, int64_t bytes) override {
    on_gpu(to, bytes).copy_(on_host(const_cast<void*>(from), bytes));
  }
  void get(void* to, const void* from, int64_t bytes) override {
    on_host(to, bytes).copy_(on_gpu(const_cast<void*>(from), bytes));
  }

 private:
  static at::Tensor on_host(void* data, int64_t bytes) { return at::from_blob(data, {bytes}, at::kByte); }
  at::Tensor on_gpu(void* data, int64_t bytes) const {
    return at::from_blob(data, {bytes}, at::TensorOptions(at::kByte).device(device_));
  }

  c10::Device device_;
};

TEST_F(NcclOnGpu, CollectivesKeepTheirPromises) {
  const auto group = nccl_collectives(*session, world(), current_stream());
  GpuMemory memory(device);
  for (const CollectivesCase& c : collectives_cases()) {
    if (c.of_host) continue;
    SCOPED_TRACE(c.name);
    c.run(*group, memory);
    group->check();
  }
  session->close();
}

}  // namespace
}  // namespace ropeway::testing
