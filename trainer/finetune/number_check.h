// Training and numbers that are not numbers: NaN and infinities. Their policy, all of which this file and
// train_loop.cc hold:
//   weights, masters and moments   of a rank that are not finite end the stage: no step, checkpoint or model
//                                  is made of them. Looked at when a stage begins, before every save, and
//                                  whenever a step is not finite.
//   loss and gradient of a step    that are not finite make no update, on any rank. So many such steps in a
//                                  row, or nothing else, end the stage.
// Whatever is found is named: step, rank, tensor, window of the text.
#pragma once

#include <cstdint>
#include <string>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {

// Collective. Throws kNumerics on every rank, naming the lowest rank that holds one, the tensor, and `when`
// ("step 12").
void require_finite_state(const TrainContext& context, const ShardedAdamW& optimizer,
                          const std::string& when);

// What one rank's own share of a step has that is not finite, before shares are summed.
struct NonFiniteShare {
  bool loss = false;
  std::string gradient;  // of this weight: the first that the backward pass comes to; "": of none
};
NonFiniteShare look_at_share(const TrainContext& context, double loss);

// Collective, after a step whose sum was not finite, with gradients at zero, which they are again afterwards:
// "the gradient of NAME on rank 1 and 2 more; window 25". The window is found by computing each once more.
std::string describe_non_finite_step(const TrainRecipe& options, const TrainContext& context,
                                     const NonFiniteShare& own, int64_t first_window, double loss_scale);

}  // namespace ropeway
