#include "trainer/finetune/train_loop.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/finetune/learning_rate.h"
#include "trainer/finetune/number_check.h"
#include "trainer/finetune/spike_watch.h"
#include "trainer/finetune/step_batches.h"
#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/report/progress_line.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRecentLosses = 10;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A NaN has a sign that says nothing.
std::string text_of(double value) { return std::isnan(value) ? "NaN" : fmt::format("{}", value); }

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// A training stage at work: what lives from one step to the next.
class Training {
 public:
  Training(const TrainRecipe& options, const TrainContext& context)
      : options_(options),
        context_(context),
        world_(context.mesh->world()),
        memory_(context),
        optimizer_(make_optimizer(context)),
        state_(restore_train_checkpoint(context, optimizer_)),
        spikes_(state_.history),
        has_checkpoint_(state_.step > 0),
        progress_(world_.rank() == 0) {}

  TrainOutcome run();

 private:
  struct Step {
    int64_t number = 0;  // from 1
    double loss = 0;     // of all ranks' tokens, before the update
    double learning_rate = 0;
    double weight = 0;         // of all ranks' scored tokens
    int64_t first_window = 0;  // of all ranks
    bool finite = true;        // loss and gradient norm
    NonFiniteShare own;        // where they are not
    Spike spike;
    ShardedAdamW::StepResult update{};
    Clock::time_point start{};
  };
  static ShardedAdamW make_optimizer(const TrainContext& context);
  ops::AdamWOptions adamw_options(double learning_rate) const;
  Step take_step(int64_t number);
  bool accepts(Step& step, double own_loss, double gradient_norm);
  double global_weight(const std::vector<LocalBatch>& batches, int64_t step);
  bool roll_back(const Step& step);
  void record(const Step& step);
  void leave_out(const Step& step);
  void tell_of_spike(const Step& step, const std::string& consequence) const;
  void report(const Step& step);
  void require_an_update() const;
  void save_if_due(int64_t step);
  void save();

  const TrainRecipe& options_;
  const TrainContext& context_;
  Communicator& world_;
  StepMemory memory_;
  ShardedAdamW optimizer_;
  TrainState state_;
  SpikeWatch spikes_;
  bool has_checkpoint_;  // of this stage
  int64_t rollbacks_since_save_ = 0;
  ProgressLine progress_;
};

ShardedAdamW Training::make_optimizer(const TrainContext& context) {
  const FlatParameters flat = context.parameters->flat_parameters();
  return ShardedAdamW(*context.exchange, flat.weights, flat.gradients, flat.decayed,
                      {.narrow_moments = context.model->plan().narrow_moments});
}

ops::AdamWOptions Training::adamw_options(double learning_rate) const {
  return {.learning_rate = learning_rate,
          .beta1 = options_.beta1,
          .beta2 = options_.beta2,
          .eps = options_.eps,
          .weight_decay = options_.weight_decay};
}

// Sum of the weights of all ranks' scored tokens in one step.
double Training::global_weight(const std::vector<LocalBatch>& batches, int64_t step) {
  double weight = 0;
  for (const LocalBatch& batch : batches) weight += scored_weight(batch);
  weight = all_reduce_sum(world_, weight);
  if (weight <= 0) {
    fail(ErrorKind::kBadData, "{}: step {} has no token to score", context_.stage_name, step);
  }
  return weight;
}

// Gradients are summed over ranks and the loss is scaled by the global weight: uneven numbers of labels per
// rank cost nothing.
Training::Step Training::take_step(int64_t number) {
  Step step;
  step.number = number;
  step.start = Clock::now();
  step.first_window = (number - 1 + state_.passed_over) * options_.batch_sequences;
  memory_.begin_step();
  const std::vector<LocalBatch> batches = batches_of(
      context_, share_of_step(options_, context_, step.first_window), context_.model->plan().micro_batch);
  step.weight = global_weight(batches, number);
  double own_loss = 0;
  for (const LocalBatch& batch : batches) {
    own_loss += context_.model->forward_backward(batch, context_.factors, 1.0 / step.weight);
  }
  // Of one rank alone the sum is its own share, and nothing is looked at twice.
  if (world_.size() > 1) step.own = look_at_share(context_, own_loss);
  step.loss = all_reduce_sum(world_, own_loss);
  step.learning_rate = learning_rate_at(options_, number);
  step.update = optimizer_.step(adamw_options(step.learning_rate), options_.clip_norm,
                                [&](double norm) { return accepts(step, own_loss, norm); });
  memory_.end_step(optimizer_, batches.front());
  return step;
}

// Every rank has the same loss and norm unless one of them is faulty; they agree all the same, because what
// follows from it is collective.
bool Training::accepts(Step& step, double own_loss, double gradient_norm) {
  const bool finite = std::isfinite(step.loss) && std::isfinite(gradient_norm);
  if (finite) step.spike = spikes_.look(step.loss, gradient_norm);
  enum : uint8_t { kUsual, kStandsOut, kNotFinite };
  uint8_t found = !finite ? kNotFinite : step.spike.stands_out() ? kStandsOut : kUsual;
  world_.all_reduce(&found, 1, DType::kU8, ReduceOp::kMax);
  step.finite = found != kNotFinite;
  if (!step.finite && world_.size() == 1) step.own = look_at_share(context_, own_loss);
  return found == kUsual || (found == kStandsOut && options_.on_spike == OnSpike::kWarn);
}

void Training::tell_of_spike(const Step& step, const std::string& consequence) const {
  if (world_.rank() != 0) return;
  log_warning(
      "{}: step {}: {} {:.4g}, {:.0f} robust standard deviations above the {:.4g} of the steps before; "
      "windows {} to {}; {}",
      context_.stage_name, step.number, step.spike.of, step.spike.value, step.spike.deviations,
      step.spike.usual, step.first_window, step.first_window + options_.batch_sequences - 1, consequence);
}

// To the newest checkpoint, and on with the windows after those of `step`. False where there is none.
bool Training::roll_back(const Step& step) {
  if (!has_checkpoint_) return false;
  if (++rollbacks_since_save_ > options_.max_skipped_steps) {
    fail(
        ErrorKind::kNumerics,
        "{}: rolled back {} times since step {} and step {} stands out again: {} {:.4g}; lower learning_rate "
        "(now {}) or look at the data",
        context_.stage_name, options_.max_skipped_steps, state_.step, step.number, step.spike.of,
        step.spike.value, step.learning_rate);
  }
  TrainState earlier = restore_train_checkpoint(context_, optimizer_);
  earlier.skipped_steps = state_.skipped_steps;
  earlier.spikes = state_.spikes + 1;
  earlier.rollbacks = state_.rollbacks + 1;
  earlier.passed_over = state_.passed_over + step.number - earlier.step;
  state_ = earlier;
  spikes_ = SpikeWatch(state_.history);
  context_.reporter->resume_at(context_.stage_name, state_.step);
  tell_of_spike(step, fmt::format("back to step {}, on with window {}", state_.step,
                                  (state_.step + state_.passed_over) * options_.batch_sequences));
  return true;
}

// Counts the step. Throws kNumerics after too many in a row without an update.
void Training::record(const Step& step) {
  state_.step = step.number;
  if (step.spike.stands_out()) {
    ++state_.spikes;
    tell_of_spike(step, step.update.applied ? "its update is made" : "its update is skipped");
  }
  if (!step.update.applied) return leave_out(step);
  state_.skipped_in_a_row = 0;
  spikes_.remember(step.loss, step.update.gradient_norm);
  state_.history = spikes_.history();
  std::vector<double>& recent = state_.recent_losses;
  recent.push_back(step.loss);
  if (recent.size() > kRecentLosses) recent.erase(recent.begin());
}

void Training::leave_out(const Step& step) {
  ++state_.skipped_steps;
  ++state_.skipped_in_a_row;
  std::string why =
      fmt::format("loss {}, gradient norm {}", text_of(step.loss), text_of(step.update.gradient_norm));
  if (!step.finite) {
    require_finite_state(context_, optimizer_, fmt::format("step {}", step.number));
    why +=
        ": " + describe_non_finite_step(options_, context_, step.own, step.first_window, 1.0 / step.weight);
    if (world_.rank() == 0) {
      log_warning("{}: step {} is not finite, its update is skipped; {}", context_.stage_name, step.number,
                  why);
    }
  }
  if (state_.skipped_in_a_row > options_.max_skipped_steps) {
    fail(ErrorKind::kNumerics,
         "{}: {} step{} in a row without an update, the last one is {}: {}; the newest checkpoint is kept; "
         "lower learning_rate (now {}) or look at the data of that step",
         context_.stage_name, state_.skipped_in_a_row, state_.skipped_in_a_row == 1 ? "" : "s", step.number,
         why, step.learning_rate);
  }
}

void Training::report(const Step& step) {
  const double seconds = seconds_since(step.start);
  const double tokens_per_second = static_cast<double>(options_.batch_sequences * options_.length) / seconds;
  context_.reporter->step({.stage = context_.stage_name,
                           .step = step.number,
                           .total_steps = options_.steps,
                           .loss = step.loss,
                           .learning_rate = step.learning_rate,
                           .gradient_norm = step.update.gradient_norm,
                           .tokens_per_second = tokens_per_second,
                           .seconds = seconds,
                           .peak_memory_bytes = peak_memory_bytes(),
                           .skipped_steps = state_.skipped_steps,
                           .spikes = state_.spikes,
                           .rollbacks = state_.rollbacks,
                           .memory = memory_.latest()});
  progress_.update(context_.stage_name, step.number, options_.steps,
                   fmt::format("loss {:.4f}  grad {:.2f}  lr {:.2e}  {:.0f} tok/s", step.loss,
                               step.update.gradient_norm, step.learning_rate, tokens_per_second));
}

void Training::require_an_update() const {
  if (optimizer_.steps_taken() > 0) return;
  fail(ErrorKind::kNumerics, "{}: none of the {} steps made an update: there is no trained model",
       context_.stage_name, state_.step);
}

void Training::save() {
  require_finite_state(context_, optimizer_, fmt::format("after step {}, not saved", state_.step));
  save_train_checkpoint(options_, context_, optimizer_, state_);
  has_checkpoint_ = true;
  rollbacks_since_save_ = 0;
}

// Throws kStopped once a requested stop has saved what is there.
void Training::save_if_due(int64_t step) {
  const bool last = step == options_.steps;
  const bool stop = !last && any_rank(world_, context_.should_stop && context_.should_stop());
  const bool due = options_.checkpoint_every > 0 && step % options_.checkpoint_every == 0;
  if (last) require_an_update();
  if (stop || due || last) save();
  if (!stop) return;
  progress_.finish();
  fail(ErrorKind::kStopped, WayOut::kRunAgain, "{}: stopped on request after step {} of {}; saved",
       context_.stage_name, step, options_.steps);
}

TrainOutcome Training::run() {
  context_.reporter->resume_at(context_.stage_name, state_.step);
  TrainOutcome outcome;
  outcome.resumed_from = state_.step;
  const auto start = Clock::now();
  require_finite_state(context_, optimizer_,
                       state_.step == 0 ? "at the start" : fmt::format("resumed after step {}", state_.step));
  while (state_.step < options_.steps) {
    const Step step = take_step(state_.step + 1);
    const bool rolls_back = step.finite && !step.update.applied && options_.on_spike == OnSpike::kRollback;
    if (rolls_back && roll_back(step)) continue;
    record(step);
    report(step);
    save_if_due(step.number);
  }
  progress_.finish();
  require_an_update();

  outcome.steps = state_.step;
  outcome.memory = memory_.highest();
  outcome.skipped_steps = state_.skipped_steps;
  outcome.spikes = state_.spikes;
  outcome.rollbacks = state_.rollbacks;
  const auto recent = static_cast<double>(state_.recent_losses.size());
  for (double loss : state_.recent_losses) outcome.final_loss += loss / recent;
  outcome.seconds = seconds_since(start);
  outcome.tokens_per_second =
      static_cast<double>((state_.step - outcome.resumed_from) * options_.batch_sequences * options_.length) /
      std::max(outcome.seconds, 1e-9);
  return outcome;
}

}  // namespace

TrainOutcome train(const TrainRecipe& options, const TrainContext& context) {
  return Training(options, context).run();
}

}  // namespace ropeway
