#include "trainer/finetune/train_saving.h"

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/finetune/number_check.h"

namespace ropeway {

void TrainSaving::save(const TrainState& state) {
  require_finite_state(context_, optimizer_, fmt::format("after step {}, not saved", state.step));
  save_train_checkpoint(options_, context_, optimizer_, state);
  newest_ = state.step;
}

bool TrainSaving::after_step(const TrainState& state) {
  const bool last = state.step == options_.steps;
  const bool asked = !last && context_.should_stop && context_.should_stop();
  const bool stop = any_rank(context_.mesh->world(), asked);
  const bool due = options_.checkpoint_every > 0 && state.step % options_.checkpoint_every == 0;
  if (stop || due || last) save(state);
  return stop;
}

}  // namespace ropeway
