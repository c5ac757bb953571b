// One rank fails while the others wait for it: the way a program has to end then. The exit code of the whole
// job must be the failing rank's (tests/parallel/CMakeLists.txt gives the code it wants to see).
//   failing_rank_program barrier | hop | exit
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {
namespace {

void run(Communicator& world, const std::string& others) {
  const int size = world.size(), last = size - 1;
  std::vector<std::byte> send(1 << 20), recv(1 << 20);
  if (world.rank() == last && others == "exit") std::exit(0);
  if (world.rank() == last) {
    // A hop in flight, to a peer that may never answer, must not keep the failing rank from ending.
    const auto hop = world.start_hop(send.data(), 0, recv.data(), 0, static_cast<int64_t>(send.size()));
    fail(ErrorKind::kBadData, "rank {} cannot go on", last);
  }
  if (others == "hop") {
    const int next = (world.rank() + 1) % size, previous = (world.rank() + size - 1) % size;
    for (;;)
      world.start_hop(send.data(), next, recv.data(), previous, static_cast<int64_t>(send.size()))->wait();
  }
  world.barrier();
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  ropeway::MpiSession session;
  try {
    ropeway::run(session.world(), argc > 1 ? argv[1] : "barrier");
  } catch (const ropeway::Error& e) {
    std::fprintf(stderr, "rank %d: %s\n", session.world().rank(), e.what());
    session.world().abort(e.exit_code());
  }
  return 0;
}
