// NCCL fails on rank 0 while all ranks wait for something else: the watching thread has to end the whole job,
// with exit code 76 (tests/parallel/CMakeLists.txt). NCCL and CUDA are doubles, MPI is real.
#include <thread>

#include "parallel/comm/mpi_session.h"
#include "parallel/comm/nccl_ring.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/fake_nccl.h"

int main() {
  using namespace ropeway;
  MpiSession mpi;
  testing::FakeDevice device;
  testing::FakeNccl nccl(device);
  const auto alone = make_world_of_one();
  NcclSession session(nccl, device,
                      {.grace_seconds = 0.2, .end_job = [&](int code) { mpi.world().abort(code); }});
  const RingLinks links = nccl_ring_links(session, *alone, testing::always(nullptr));
  mpi.world().barrier();
  if (mpi.world().rank() == 0) {
    nccl.fail();
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  mpi.world().barrier();
  return 0;
}
