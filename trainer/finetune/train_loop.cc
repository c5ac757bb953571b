#include "trainer/finetune/train_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "parallel/comm/stop_agreement.h"
#include "trainer/finetune/number_check.h"
#include "trainer/finetune/spike_watch.h"
#include "trainer/finetune/step_log.h"
#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/finetune/train_saving.h"
#include "trainer/finetune/train_step.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRecentLosses = 10;

// A NaN has a sign that says nothing.
std::string text_of(double value) { return std::isnan(value) ? "NaN" : fmt::format("{}", value); }

// A training stage at work: what lives from one step to the next, and what becomes of a step.
class Training {
 public:
  Training(const TrainRecipe& options, const TrainContext& context)
      : options_(options),
        context_(context),
        memory_(context),
        optimizer_(make_optimizer(context)),
        state_(restore_train_checkpoint(context, optimizer_)),
        spikes_(state_.history),
        steps_(options, context, optimizer_, memory_),
        saving_(options, context, optimizer_, state_.step),
        log_(options, context) {}

  TrainOutcome run();

 private:
  bool rank_0() const { return context_.mesh->world().rank() == 0; }
  int64_t first_window() const { return (state_.step + state_.passed_over) * options_.batch_sequences; }
  void take_step();
  bool roll_back(const TrainStep& step);
  void record(const TrainStep& step);
  void leave_out(const TrainStep& step);
  void require_an_update() const;
  void save_if_due();
  [[noreturn]] void stop_within_step();
  [[noreturn]] void stop(const std::string& where);
  void tell_of_comparing(double seconds) const;
  TrainOutcome outcome(int64_t resumed_from, double seconds) const;

  const TrainRecipe& options_;
  const TrainContext& context_;
  StepMemory memory_;
  ShardedAdamW optimizer_;
  TrainState state_;
  SpikeWatch spikes_;
  int64_t rollbacks_since_save_ = 0;
  double seconds_of_save_ = 0;  // that the last one held up
  StepRunner steps_;
  TrainSaving saving_;
  StepLog log_;
};

// To the newest checkpoint, and on with the windows after those of `step`. False where there is none.
bool Training::roll_back(const TrainStep& step) {
  if (saving_.newest() == 0) return false;
  if (++rollbacks_since_save_ > options_.max_skipped_steps) {
    fail(
        ErrorKind::kNumerics,
        "{}: rolled back {} times since step {} and step {} stands out again: {} {:.4g}; lower learning_rate "
        "(now {}) or look at the data",
        context_.stage_name, options_.max_skipped_steps, state_.step, step.number, step.spike.of,
        step.spike.value, step.learning_rate);
  }
  saving_.finish();
  TrainState earlier = restore_train_checkpoint(context_, optimizer_);
  steps_.rolled_back();
  earlier.skipped_steps = state_.skipped_steps;
  earlier.spikes = state_.spikes + 1;
  earlier.rollbacks = state_.rollbacks + 1;
  earlier.passed_over = state_.passed_over + step.number - earlier.step;
  state_ = earlier;
  spikes_ = SpikeWatch(state_.history);
  context_.reporter->resume_at(context_.stage_name, state_.step);
  log_.tell_of_spike(step, fmt::format("back to step {}, on with window {}", state_.step, first_window()));
  return true;
}

// Counts the step. Throws kNumerics after too many in a row without an update.
void Training::record(const TrainStep& step) {
  state_.step = step.number;
  if (step.spike.stands_out()) {
    ++state_.spikes;
    log_.tell_of_spike(step, step.update.applied ? "its update is made" : "its update is skipped");
  }
  if (!step.update.applied) return leave_out(step);
  state_.skipped_in_a_row = 0;
  spikes_.remember(step.loss, step.update.gradient_norm);
  state_.history = spikes_.history();
  std::vector<double>& recent = state_.recent_losses;
  recent.push_back(step.loss);
  if (recent.size() > kRecentLosses) recent.erase(recent.begin());
}

void Training::leave_out(const TrainStep& step) {
  ++state_.skipped_steps;
  ++state_.skipped_in_a_row;
  std::string why =
      fmt::format("loss {}, gradient norm {}", text_of(step.loss), text_of(step.update.gradient_norm));
  if (!step.finite) {
    require_finite_state(context_, optimizer_, fmt::format("step {}", step.number));
    why +=
        ": " + describe_non_finite_step(options_, context_, step.own, step.first_window, 1.0 / step.weight);
    if (rank_0()) {
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

void Training::require_an_update() const {
  if (optimizer_.steps_taken() > 0) return;
  fail(ErrorKind::kNumerics, "{}: none of the {} steps made an update: there is no trained model",
       context_.stage_name, state_.step);
}

// Throws kStopped once a requested stop has saved what is there.
void Training::save_if_due() {
  if (state_.step == options_.steps) require_an_update();
  const int64_t checkpoint = saving_.newest();
  const bool stopped = saving_.after_step(state_);
  if (saving_.newest() != checkpoint) rollbacks_since_save_ = 0;
  if (stopped) stop("");
}

// The step in flight was abandoned.
void Training::stop_within_step() {
  saving_.save_before_stop(state_);
  stop(", within the next, which is given up");
}

void Training::stop(const std::string& where) {
  log_.finish();
  const bool late = context_.stop != nullptr && context_.stop->reason() == StopAgreement::Reason::kDeadline;
  fail(ErrorKind::kStopped, WayOut::kRunAgain, "{}: stopped {} after step {} of {}{}; {}",
       context_.stage_name, late ? "before its time limit" : "on request", state_.step, options_.steps, where,
       saving_.newest() == 0 ? "there is nothing to save yet" : "saved");
}

void Training::take_step() {
  TrainStep step = steps_.take(state_.step + 1, first_window(), spikes_);
  step.times.checkpoint = seconds_of_save_;
  const bool rolls_back = step.finite && !step.update.applied && options_.on_spike == OnSpike::kRollback;
  if (rolls_back && roll_back(step)) return;
  record(step);
  log_.report(step, state_, memory_);
  const auto save = Clock::now();
  save_if_due();
  seconds_of_save_ = std::chrono::duration<double>(Clock::now() - save).count();
}

TrainOutcome Training::run() {
  const StopAgreement::Hold hold(context_.stop);
  context_.reporter->resume_at(context_.stage_name, state_.step);
  const int64_t resumed_from = state_.step;
  const auto start = Clock::now();
  require_finite_state(context_, optimizer_,
                       state_.step == 0 ? "at the start" : fmt::format("resumed after step {}", state_.step));
  while (state_.step < options_.steps) {
    try {
      take_step();
    } catch (const Abandoned&) {
      stop_within_step();
    }
  }
  log_.finish();
  require_an_update();
  if (saving_.cost().checkpoints > 1) saving_.tell_cost();
  const double seconds = seconds_since(start);
  tell_of_comparing(seconds);
  return outcome(resumed_from, seconds);
}

void Training::tell_of_comparing(double seconds) const {
  const double taken = steps_.seconds_of_comparing();
  if (!rank_0() || taken == 0) return;
  log_info(
      "{}: comparing the ranks' copies of the weights every {} steps took {:.2g} s, {:.2g} % of its time",
      context_.stage_name, context_.compare_every, taken, 100 * taken / std::max(seconds, 1e-9));
}

TrainOutcome Training::outcome(int64_t resumed_from, double seconds) const {
  TrainOutcome outcome{.steps = state_.step,
                       .skipped_steps = state_.skipped_steps,
                       .resumed_from = resumed_from,
                       .spikes = state_.spikes,
                       .rollbacks = state_.rollbacks,
                       .saving = saving_.cost(),
                       .seconds = seconds,
                       .memory = memory_.highest()};
  const auto recent = static_cast<double>(state_.recent_losses.size());
  for (double loss : state_.recent_losses) outcome.final_loss += loss / recent;
  outcome.tokens_per_second =
      static_cast<double>((state_.step - resumed_from) * options_.batch_sequences * options_.length) /
      std::max(seconds, 1e-9);
  return outcome;
}

}  // namespace

TrainOutcome train(const TrainRecipe& options, const TrainContext& context) {
  return Training(options, context).run();
}

}  // namespace ropeway
