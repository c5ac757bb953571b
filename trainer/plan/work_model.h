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
  int64_t document = 0;        // tokens of the documents that attention keeps apart; 0: it sees the sequence
};
Work pass_work(const ModelConfig& config, Pass pass, int64_t length, const WorkOptions& options);

// What a rank sends in a pass over one sequence, of which it has local_length tokens; bytes. Round the ring:
// keys and values in forward; again in backward, and their gradients in acc type, which make one hop more to
// be home. For heads: queries, keys, values and results in forward; in backward these again with the results'
// gradient, and the gradients of queries, keys and values.
struct AttentionTraffic {
  double ring_forward = 0, ring_backward = 0;
  double heads = 0;
  double total() const { return ring_forward + ring_backward + heads; }
};
AttentionTraffic attention_traffic(const ModelConfig& config, Pass pass, int64_t local_length,
                                   const MeshShape& mesh, DType dtype);

}  // namespace ropeway
