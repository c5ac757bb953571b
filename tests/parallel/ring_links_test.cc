// Ring attention over the links for device memory: P ranks on one device, and NCCL. On the CPU by the doubles
// of CUDA and NCCL; on a GPU, when there is one, P thread-ranks for real (NCCL: nccl_mpi_test).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/ops/cuda_backend.h"
#include "parallel/comm/emulated_ring.h"
#include "parallel/comm/nccl_ring.h"
#include "parallel/comm/thread_world.h"
#include "tests/parallel/fake_nccl.h"
#include "tests/parallel/ring_cases.h"

namespace ropeway::testing {
namespace {

using ::testing::IsEmpty;

std::vector<RingCase> cases() {
  return {{.batch = 2, .kv_heads = 2},
          {.kv_heads = 1, .dtype = at::kFloat},
          {.placement = Placement::kContiguous, .kv_heads = 4}};
}

double limit(const RingCase& c) { return c.dtype == at::kDouble ? 1e-10 : 2e-6; }

TEST(EmulatedRing, AttentionIsThatOfTheWholeSequence) {
  for (const RingCase& c : cases()) {
    const AttentionProblem problem = make_problem(c);
    for (const int ranks : {1, 2, 4, 8}) {
      FakeDevice device;
      run_thread_world(ranks, [&](Communicator& comm) {
        const auto links = [&](Communicator& group) {
          return emulated_ring_links(group, device, always(nullptr));
        };
        EXPECT_LE(ring_errors(comm, c, problem, links).largest(), limit(c)) << ranks << " ranks, " << c;
      });
      EXPECT_THAT(device.violations(), IsEmpty());
    }
  }
}

TEST(NcclRing, AttentionIsThatOfTheWholeSequence) {
  for (const RingCase& c : cases()) {
    const AttentionProblem problem = make_problem(c);
    for (const int ranks : {2, 4, 8}) {
      FakeDevice device;
      FakeNccl nccl(device);
      run_thread_world(ranks, [&](Communicator& comm) {
        NcclSession session(nccl, device, {.end_job = [](int) { ADD_FAILURE(); }});
        const auto links = [&](Communicator& group) {
          return nccl_ring_links(session, group, always(nullptr));
        };
        EXPECT_LE(ring_errors(comm, c, problem, links).largest(), limit(c)) << ranks << " ranks, " << c;
        session.close();
      });
      EXPECT_THAT(device.violations(), IsEmpty());
      EXPECT_EQ(nccl.open_comms(), 0);
      EXPECT_EQ(nccl.aborted_comms(), 0);
    }
  }
}

// BF16 on the GPU against the whole sequence in F64 for the same rounded inputs. P = 1 is the plain kernel:
// the ring must not be much farther from the truth than it is.
TEST(EmulatedRingOnGpu, AttentionIsThatOfTheWholeSequence) {
  if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  const auto device = make_device_queues(0);
  const RingCase c{.length = 4096,
                   .heads = 8,
                   .kv_heads = 2,
                   .head_dim = 128,
                   .dtype = at::kBFloat16,
                   .device = at::Device(at::kCUDA, 0)};
  const AttentionProblem problem = make_problem(c);
  const CurrentStream current_stream = [device = c.device] { return ops::current_cuda_stream(device); };
  RingErrors plain{};
  for (const int ranks : {1, 2, 4, 8}) {
    run_thread_world(ranks, [&](Communicator& comm) {
      const auto links = [&](Communicator& group) {
        return emulated_ring_links(group, *device, current_stream);
      };
      const RingErrors errors = ring_errors(comm, c, problem, links);
      if (ranks == 1) plain = errors;
      EXPECT_LE(errors.lse, 1e-4) << ranks << " ranks";
      EXPECT_LE(errors.out, 2.5 * plain.out + 2e-3) << ranks << " ranks";
      EXPECT_LE(errors.dq, 2.5 * plain.dq + 2e-3) << ranks << " ranks";
      EXPECT_LE(errors.dk, 2.5 * plain.dk + 2e-3) << ranks << " ranks";
      EXPECT_LE(errors.dv, 2.5 * plain.dv + 2e-3) << ranks << " ranks";
      EXPECT_LE(plain.largest(), 2e-2);
    });
  }
}

}  // namespace
}  // namespace ropeway::testing
