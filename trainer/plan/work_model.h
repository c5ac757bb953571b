// FLOPs of a pass over one sequence and the bytes its ring moves. Attention is counted causally: a query
// meets half of the sequence on average (where it sees through a window, of that), so a forward pass has 2
// S^2 Hq D FLOPs per layer, a backward pass 5 (scores again, dV, dP, dQ, dK). Matrix products count 2 per
// weight and token forward, 4 backward (2 without weight gradients), and what backward computes again of a
// block that does not keep it.
#pragma once

#include "trainer/plan/memory_model.h"

namespace ropeway {

struct Work {
  double dense = 0, attention_forward = 0, attention_backward = 0;
  double total() const { return dense + attention_forward + attention_backward; }
  Work times(double count) const {
    return {count * dense, count * attention_forward, count * attention_backward};
  }
  Work plus(const Work& other) const {
    return {dense + other.dense, attention_forward + other.attention_forward,
            attention_backward + other.attention_backward};
  }
};

struct WorkOptions {
  bool save_attention = true;  // else attention's forward pass runs twice
  double kept_blocks = 0;      // blocks whose token-wise results are kept
};
Work pass_work(const ModelConfig& config, Pass pass, int64_t length, const WorkOptions& options);

// What every rank sends to the next in a pass over one sequence: keys and values in forward; again in
// backward, and their gradients in acc type, which make one hop more to be home.
struct RingTraffic {
  double forward = 0, backward = 0;  // bytes
};
RingTraffic ring_traffic(const ModelConfig& config, Pass pass, int64_t local_length, int ring_ranks,
                         DType dtype);

}  // namespace ropeway
