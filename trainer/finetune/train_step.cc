#include "trainer/finetune/train_step.h"

#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/host_name.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "parallel/attention/sequence_attention.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/stop_agreement.h"
#include "trainer/finetune/learning_rate.h"
#include "trainer/finetune/step_batches.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

ops::AdamWOptions adamw_options(const TrainRecipe& options, double learning_rate) {
  return {.learning_rate = learning_rate,
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .eps = options.eps,
          .weight_decay = options.weight_decay};
}

}  // namespace

ShardedAdamW make_optimizer(const TrainContext& context) {
  return ShardedAdamW(context.parameters->optimizer_shard(*context.exchange),
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

// What each rank tells the others in every step.
struct StepShare {
  double loss = 0;
  double data = 0, compute = 0, ring_wait = 0;  // seconds
  ReplicaShare replica;
};

// Sums the loss over the ranks, in their order, and with it what else they tell.
double StepRunner::exchange(TrainStep& step, double own_loss, uint64_t tokens) {
  Communicator& world = context_.mesh->world();
  const StepShare own{.loss = own_loss,
                      .data = step.times.data,
                      .compute = step.times.compute,
                      .ring_wait = step.times.ring_wait,
                      .replica = replicas_.before_update(step.number, tokens)};
  std::vector<StepShare> all(static_cast<size_t>(world.size()));
  world.all_gather(&own, all.data(), sizeof own);
  double loss = 0;
  std::vector<double> compute;
  std::vector<ReplicaShare> replicas;
  step.times.data = step.times.compute = step.times.ring_wait = 0;
  for (const StepShare& share : all) {
    loss += share.loss;
    compute.push_back(share.compute);
    replicas.push_back(share.replica);
    step.times.data += share.data / world.size();
    step.times.compute += share.compute / world.size();
    step.times.ring_wait += share.ring_wait / world.size();
  }
  replicas_.judge(step.number, replicas);
  look_for_stragglers(step, compute);
  return loss;
}

void StepRunner::look_for_stragglers(TrainStep& step, const std::vector<double>& compute) {
  // Contiguous placement gives the ranks different work, and so do short windows in some rows of the mesh.
  if (context_.model->attention().split().placement == Placement::kContiguous) return;
  if (context_.short_factors && context_.mesh->size(Axis::kData) > 1) return;
  stragglers_.add(compute);
  step.slowest = stragglers_.slowest();
  if (!stragglers_.is_news() || step.slowest->rank != context_.mesh->world().rank()) return;
  log_warning(
      "{}: step {}: rank {} on {} computes at {:.2f} of the others' speed ({:.3g} s per step, they "
      "{:.3g} "
      "s, over the last {} steps): they wait for it",
      context_.stage_name, step.number, step.slowest->rank, host_name(), step.slowest->speed,
      step.slowest->seconds, step.slowest->others_seconds, Stragglers::kSteps);
}

// All ranks must come by the same stop points. Rows of the mesh, whose documents differ, come by as many as
// their documents give them, and exchange nothing on the way unless they share out gradients.
bool StepRunner::may_be_abandoned() const {
  return context_.mesh->size(Axis::kData) == 1 || context_.model->plan().zero == ZeroStage::kOptimizerState;
}

// Gradients are summed over ranks and the loss is scaled by the global weight: uneven numbers of labels per
// rank cost nothing.
TrainStep StepRunner::take(int64_t number, int64_t first_window, const SpikeWatch& spikes) {
  Position& here = Position::here();
  here.set_step(number);
  TrainStep step;
  step.number = number;
  step.start = Clock::now();
  step.first_window = first_window;
  memory_.begin_step();
  const double waited_before = here.seconds_waited(WaitFor::kRanks);
  uint64_t tokens = 0;
  const std::vector<LocalBatch> batches = batches_of(
      context_, share_of_step(options_, context_, first_window), context_.model->plan().micro_batch, &tokens);
  step.times.data = seconds_since(step.start);
  step.weight = global_weight(batches, number);
  const auto pass = Clock::now();
  const double ring_before = here.seconds_waited(WaitFor::kRing);
  const SequenceAttention& attention = context_.model->attention();
  const int64_t sent_before = attention.bytes_sent();
  const double waited_before_pass = here.seconds_waited(WaitFor::kRanks);
  double own_loss = 0;
  const auto passes = [&] {
    for (const LocalBatch& batch : batches) {
      own_loss += context_.model->forward_backward(batch, factors_of(context_), 1.0 / step.weight);
    }
  };
  if (context_.stop != nullptr && may_be_abandoned()) {
    context_.stop->abandonable(passes);
  } else {
    passes();
  }
  step.times.ring_wait = here.seconds_waited(WaitFor::kRing) - ring_before;
  step.times.compute = seconds_since(pass) - step.times.ring_wait -
                       (here.seconds_waited(WaitFor::kRanks) - waited_before_pass);
  if (attention.split().ranks > 1) {
    step.attention_bytes_sent = attention.bytes_sent() - sent_before;
    for (const LocalBatch& batch : batches)
      step.attention_balance += batch.layout.balance() / static_cast<double>(batches.size());
  }
  // Of one rank alone the sum is its own share, and nothing is looked at twice.
  if (context_.mesh->world().size() > 1) step.own = look_at_share(context_, own_loss);
  step.loss = exchange(step, own_loss, tokens);
  step.learning_rate = learning_rate_at(options_, number);
  const auto update = Clock::now();
  const double waited_at_update = here.seconds_waited(WaitFor::kRanks);
  step.update = optimizer_.step(adamw_options(options_, step.learning_rate), options_.clip_norm,
                                [&](double norm) { return accepts(step, spikes, own_loss, norm); });
  const double waited = here.seconds_waited(WaitFor::kRanks);
  step.times.all_reduce = waited - waited_before;
  step.times.optimizer = seconds_since(update) - (waited - waited_at_update);
  replicas_.after_update(number);
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
