// How many bytes one rank needs for a pass, by what they are for: the one source of these figures. `ropeway
// plan` prints them, tiles are chosen by them, and an out-of-memory error shows them.
// tests/trainer/model/accounting_test.cc compares them with what the engine asks the allocator for.
//
// The engine's buffers stay from step to step; on top of them come the results of operators, and the phase
// that needs most of those decides (attention forward, attention backward, the MLP's backward, the loss).
// Not counted: the batch itself (some 20 bytes per token), the scratch of CPU kernels (1.5 KiB per token and
// thread at head_dim 128), the CUDA context and its libraries (about 1 GiB). What cuDNN's backward takes as
// workspace is an estimate that was never compared with a GPU (kernels/attention/head_groups.h).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/plan/engine_plan.h"

namespace ropeway {

struct MemoryParts {
  int64_t weights = 0;
  int64_t gradients = 0;
  int64_t optimizer = 0;    // this rank's share of masters and moments
  int64_t checkpoints = 0;  // kept from forward to backward for every block; with offload: what is in transit
  int64_t transients = 0;  // of one block, over all local tokens: projections, gradients, attention's results
  int64_t tiles = 0;       // of one block, over a tile of tokens
  int64_t loss = 0;        // logits and gradients of a tile; 0 where another phase needs more
  int64_t ring = 0;        // slots for keys and values in transit, and for their gradients
  int64_t tables = 0;      // cos, sin
  int64_t keys = 0;        // and values of a sequence that is generated behind (plan/key_cache_memory.h)
  int64_t host = 0;        // pinned host memory of offloaded checkpoints; not in total()

  int64_t total() const;  // of the device that computes
  // Name and bytes of every part that total() sums, in this order.
  std::vector<std::pair<std::string, int64_t>> parts() const;
};

// One rank's share of a pass.
struct PassShape {
  Pass pass = Pass::kTrain;
  int64_t sequences = 1;  // B, at once
  int64_t length = 0;     // n, local tokens of each
  int ring_ranks = 1;     // places of the ring that a sequence goes round
  int head_ranks = 1;     // ranks at each, which share heads
  int all_ranks = 1;      // that share the optimizer's state
  int64_t tokens() const { return sequences * length; }
};

// The peak, in a step after the first.
MemoryParts pass_memory(const ModelConfig& config, const PassShape& shape, const EnginePlan& plan);

// The weights alone, in elements: what parts of the sum of num_parameters() the formulas need.
struct BlockWidths {
  int64_t hidden, queries, keys, qkv, intermediate;  // C, H*D, K*D, (H + 2K)*D, I
  int64_t key_heads, head_dim;                       // K, D
  explicit BlockWidths(const ModelConfig& config);
  // Of the rows that a rank attends over for its own heads, as if they were its tokens: more keys where
  // neighbours have the same ones.
  int64_t keys_for_heads(int head_ranks) const;
};

// Tables of cos and sin that are kept for the next pass take no more than this, unless one pass needs more.
inline constexpr int64_t kRopeTableBytes = int64_t{1} << 28;

// Whether what attention and MLP give is something by itself before the residual stream takes it: it is
// normed or multiplied.
bool has_branches(const ModelConfig& config);

// Bytes that a block of `tokens` tokens needs for its token-wise results: qkv, middle and gate_up.
int64_t tokenwise_bytes(const ModelConfig& config, int64_t tokens, int64_t element_size);

// Two slots for keys and values on their way round the ring and, with gradients, two for theirs in acc type;
// 0 without a ring.
int64_t ring_slot_bytes(const ModelConfig& config, int64_t tokens, const MeshShape& mesh,
                        int64_t element_size, bool gradients);

std::string bytes_text(int64_t bytes);  // "812 MiB", "3.42 GiB"
// "weights 14.9 GiB, gradients 29.8 GiB, ...": parts of a percent and more of the total, the largest first.
std::string parts_text(const MemoryParts& parts);

}  // namespace ropeway
