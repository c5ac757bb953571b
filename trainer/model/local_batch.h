// What one rank holds of a batch, cut from whole sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "parallel/layout/sequence_layout.h"

namespace ropeway {

// Labels are shifted before sharding: labels[b][i] is the token that follows tokens[b][i] in its document,
// kIgnoredLabel where there is none. In host memory; the engine takes it to where the weights are.
struct LocalBatch {
  at::Tensor tokens;      // [B, n] int64
  at::Tensor labels;      // [B, n] int64
  at::Tensor weights;     // [B, n] acc type; undefined: all 1
  SequenceLayout layout;  // which tokens of the sequences these are
};

// Cuts whole sequences into this rank's shard; sequences[b] has the tokens of layout.sequence(b). weights may
// be empty; weights[b][t] is the weight of predicting sequences[b][t+1], of activations' `dtype`. Padding has
// token 0 and no labels: the figures are those of the sequences without it, on any number of ranks. Throws
// kBadData for sequences that do not fit the layout, or weights that do not fit the sequences.
LocalBatch make_local_batch(const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<std::vector<float>>& weights, const SequenceLayout& layout,
                            at::ScalarType dtype);
// Sequences of equal lengths, each one document that sees all of itself.
LocalBatch make_local_batch(const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<std::vector<float>>& weights, const SequenceSplit& split,
                            at::ScalarType dtype);

}  // namespace ropeway
