// Ring attention, forward and backward, and three optimizer steps on a fixed problem; prints what came out,
// to the last bit, so that two runs can be compared line by line. Lines that begin with "host" say where the
// ranks were.
#include <ATen/TensorOperators.h>

#include <cstdio>

#include "kernels/base/error.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "tests/parallel/ring_cases.h"
#include "tests/parallel/sharded_adamw_cases.h"

namespace ropeway::testing {
namespace {

int run(MpiSession& session) {
  Communicator& world = session.world();
  const auto hosts =
      all_gather_strings(world, fmt::format("{} local rank {}", session.host_name(), session.local_rank()));
  bool good = true;
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const RingCase c{.length = 256, .heads = 4, .kv_heads = 2, .head_dim = 32, .dtype = dtype};
    const RingErrors errors = ring_errors(world, c, make_problem(c));
    good = good && errors.largest() <= (dtype == at::kDouble ? 1e-10 : 2e-6);
    if (world.rank() == 0) {
      std::printf("%s: relative errors out %a lse %a dq %a dk %a dv %a\n", name_of(c).c_str(), errors.out,
                  errors.lse, errors.dq, errors.dk, errors.dv);
    }
  }
  const at::Tensor weights = weights_after(world, 100'003, at::kFloat, 3);
  const double norm = weights.to(at::kDouble).square().sum().item<double>();
  if (world.rank() == 0) {
    std::printf("weights: sum of squares %a\n", norm);
    for (size_t r = 0; r < hosts.size(); ++r) std::printf("host of rank %zu: %s\n", r, hosts[r].c_str());
    std::printf("within limits: %s\n", good ? "yes" : "no");
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace ropeway::testing

int main() {
  ropeway::MpiSession session;
  try {
    return ropeway::testing::run(session);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rank %d: %s\n", session.world().rank(), e.what());
    session.world().abort(static_cast<int>(ropeway::ErrorKind::kInternal));
  }
}
