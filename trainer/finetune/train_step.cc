#include "trainer/finetune/train_step.h"

#include <cmath>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/stop_agreement.h"
#include "trainer/finetune/learning_rate.h"
#include "trainer/finetune/step_batches.h"

namespace ropeway {
namespace {

ops::AdamWOptions adamw_options(const TrainRecipe& options, double learning_rate) {
  return {.learning_rate = learning_rate,
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .eps = options.eps,
          .weight_decay = options.weight_decay};
}

}  // namespace

ShardedAdamW make_optimizer(const TrainContext& context) {
  const FlatParameters flat = context.parameters->flat_parameters();
  return ShardedAdamW(*context.exchange, flat.weights, flat.gradients, flat.decayed,
                      {.narrow_moments = context.model->plan().narrow_moments});
}

// Sum of the weights of all ranks' scored tokens in one step.
double StepRunner::global_weight(const std::vector<LocalBatch>& batches, int64_t step) {
  double weight = 0;
  for (const LocalBatch& batch : batches) weight += scored_weight(batch);
  weight = all_reduce_sum(context_.mesh->world(), weight);
  if (weight <= 0) {
    fail(ErrorKind::kBadData, "{}: step {} has no token to score", context_.stage_name, step);
  }
  return weight;
}

// Gradients are summed over ranks and the loss is scaled by the global weight: uneven numbers of labels per
// rank cost nothing.
TrainStep StepRunner::take(int64_t number, int64_t first_window, const SpikeWatch& spikes) {
  Communicator& world = context_.mesh->world();
  TrainStep step;
  step.number = number;
  step.start = std::chrono::steady_clock::now();
  step.first_window = first_window;
  memory_.begin_step();
  const std::vector<LocalBatch> batches = batches_of(
      context_, share_of_step(options_, context_, first_window), context_.model->plan().micro_batch);
  step.weight = global_weight(batches, number);
  double own_loss = 0;
  const auto passes = [&] {
    for (const LocalBatch& batch : batches) {
      own_loss += context_.model->forward_backward(batch, context_.factors, 1.0 / step.weight);
    }
  };
  if (context_.stop != nullptr) {
    context_.stop->abandonable(passes);
  } else {
    passes();
  }
  // Of one rank alone the sum is its own share, and nothing is looked at twice.
  if (world.size() > 1) step.own = look_at_share(context_, own_loss);
  step.loss = all_reduce_sum(world, own_loss);
  step.learning_rate = learning_rate_at(options_, number);
  step.update = optimizer_.step(adamw_options(options_, step.learning_rate), options_.clip_norm,
                                [&](double norm) { return accepts(step, spikes, own_loss, norm); });
  memory_.end_step(optimizer_, batches.front());
  return step;
}

// Every rank has the same loss and norm unless one of them is faulty; they agree all the same, because what
// follows from it is collective.
bool StepRunner::accepts(TrainStep& step, const SpikeWatch& spikes, double own_loss, double gradient_norm) {
  Communicator& world = context_.mesh->world();
  const bool finite = std::isfinite(step.loss) && std::isfinite(gradient_norm);
  if (finite) step.spike = spikes.look(step.loss, gradient_norm);
  enum : uint8_t { kUsual, kStandsOut, kNotFinite };
  uint8_t found = !finite ? kNotFinite : step.spike.stands_out() ? kStandsOut : kUsual;
  world.all_reduce(&found, 1, DType::kU8, ReduceOp::kMax);
  step.finite = found != kNotFinite;
  if (!step.finite && world.size() == 1) step.own = look_at_share(context_, own_loss);
  return found == kUsual || (found == kStandsOut && options_.on_spike == OnSpike::kWarn);
}

}  // namespace ropeway
