// How an engine runs its passes: all that memory and speed depend on and results do not, decided once
// (make_plan.h) and read by whoever runs, counts or reports: the engine, the train loop, scoring, the memory
// formulas, plans of a recipe, suggestions.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/dtype.h"
#include "parallel/comm/mesh.h"
#include "parallel/layout/placement.h"
#include "trainer/family/model_config.h"

namespace ropeway {

enum class Pass { kEvaluate, kTrain, kFactorGradient };

// The sequences that are run.
struct Workload {
  Pass pass = Pass::kEvaluate;
  std::vector<int64_t> lengths = {};   // of whole sequences, tokens; training has one length
  int64_t batch_sequences = 1;         // of a training step, over all rows of the mesh
  int64_t micro_batch_tokens = 16384;  // of a training step that a rank may hold at once
  // Of a training stage over all rows of the mesh: windows that restart or skip positions, each in places of its
  // own, beside those that all count from their start.
  int64_t windows_with_own_positions = 0;
  bool one_at_a_time = false;  // sequences are scored alone, as a search scores its documents
  // BF16 can follow the moments of this training's optimizer (kLargestBeta2OfNarrowMoments).
  bool moments_may_be_narrow = true;
};

// What the ranks share out among them (Rajbhandari et al., "ZeRO", 2020); the number is that of its stages.
enum class ZeroStage { kOptimizerState = 1, kGradients = 2, kWeights = 3 };  // each with those before it

struct EnginePlan {
  Workload work = {};
  DType dtype = DType::kF32;  // of weights and activations
  bool cuda = false;          // tensors live on GPUs
  MeshShape mesh = {};
  ZeroStage zero = ZeroStage::kOptimizerState;
  // Sequences are padded to what the ranks of a row can share in chunks of this many tokens (placement.h).
  Placement placement = Placement::kZigzag;
  int64_t chunk_multiple = 1;

  bool save_attention =
      true;             // keep O and LSE of each block: attention's forward is not repeated in backward
  int head_groups = 1;  // attention goes through key heads, with their query heads, in so many parts
  bool narrow_moments = false;  // AdamW's moments in BF16
  bool offload = false;         // what blocks keep for backward waits in host memory
  int64_t offload_slots = 2;    // then the device holds so many blocks' records: one at work, one on its way
  // As many blocks as fit into this many bytes keep their projections for backward; the others compute them
  // again (about a quarter more work).
  int64_t keep_bytes = int64_t{1} << 30;
  int64_t tile_tokens = 2048;       // tokens per tile of norms, projections and MLP
  int64_t loss_tile_tokens = 1024;  // tokens per tile of head and cross-entropy
  int64_t micro_batch = 1;          // sequences of a training step that a rank runs at once
  // Short sequences are scored together up to this many tokens: enough work per forward pass, little memory.
  int64_t score_batch_tokens = 8192;
};

// Whole sequences of a row's share of a training step, as many as a rank of the row may hold at once; at
// least one.
int64_t micro_batch_of(const Workload& work, const MeshShape& mesh);

// Sequences of `length` tokens that are scored together; at least one.
int64_t scored_together(const EnginePlan& plan, int64_t length);

// Blocks that keep their projections for the backward pass over `tokens` local tokens, of element_bytes each.
// None with offload: computing them again is cheaper than moving them.
int64_t kept_blocks(const ModelConfig& config, int64_t tokens, int64_t element_bytes, const EnginePlan& plan);

}  // namespace ropeway
