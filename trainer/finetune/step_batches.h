// The windows that a training step takes, as this rank's batches.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/finetune/train_loop.h"
#include "trainer/model/local_batch.h"
#include "trainer/rope/batch_factors.h"

namespace ropeway {

// A run of windows: numbers as WindowSampler::window takes them.
struct WindowRange {
  int64_t begin = 0, end = 0;
};
// This rank's share of the windows that a step begins at: those of its data rank. The ranks that share
// sequences have the same.
WindowRange share_of_step(const TrainRecipe& options, const TrainContext& context, int64_t first_window);
// Whole sequences, up to `at_once` together in a batch. tokens: where it is given, a number that changes with any
// token of the sequences, of which this rank holds a part.
std::vector<LocalBatch> batches_of(const TrainContext& context, const WindowRange& windows, int64_t at_once,
                                   uint64_t* tokens = nullptr);
// The factor sets that those batches turn by.
BatchFactors factors_of(const TrainContext& context);
// Sum of the weights of this rank's scored tokens.
double scored_weight(const LocalBatch& batch);

}  // namespace ropeway
