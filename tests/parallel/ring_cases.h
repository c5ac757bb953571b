// Ring attention against attention written out in double precision with autograd's gradients. A case can run
// on any communicator: threads, MPI processes, MPI processes on two nodes.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/ring_link.h"

namespace ropeway::testing {

struct RingCase {
  Placement placement = Placement::kZigzag;
  int64_t batch = 1, length = 96, heads = 4, kv_heads = 4, head_dim = 16;
  at::ScalarType dtype = at::kDouble;
  at::Device device = at::kCPU;
  bool fused_inputs =
      true;  // q, k, v are columns of one [B*n, (H + 2K)*D] buffer, as a projection leaves them
};
std::ostream& operator<<(std::ostream& out, const RingCase& c);
std::string name_of(const RingCase& c);  // letters and digits only

// Standard normal, the same for the same `which`.
at::Tensor normal(const std::vector<int64_t>& shape, at::ScalarType dtype, uint64_t which);

// For rows of whole sequences, one document each.
SequenceLayout layout_for(const SequenceAttention& attention, const at::Tensor& q);

// The whole sequence: inputs in c.dtype, results in F64 for exactly these inputs.
struct AttentionProblem {
  at::Tensor q, k, v, d_out;        // [B, S, H or K, D]
  at::Tensor out, lse, dq, dk, dv;  // lse [B, H, S]
  double scale;
};
AttentionProblem make_problem(const RingCase& c);

// |found - wanted| / |wanted| in the Euclidean norm over all ranks' shares.
struct RingErrors {
  double out, lse, dq, dk, dv;
  double largest() const;
};
struct AttentionResults {
  at::Tensor out, lse, dq, dk, dv;
};
RingErrors relative_errors(Communicator& comm, const AttentionResults& found, const AttentionResults& wanted);
// `links`: what the keys and gradients travel over, made from the group; the group's own hops by default.
RingErrors ring_errors(Communicator& comm, const RingCase& c, const AttentionProblem& problem,
                       const std::function<RingLinks(Communicator&)>& links = host_ring_links);

}  // namespace ropeway::testing
