#include "trainer/finetune/train_loop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/sum.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/finetune/learning_rate.h"
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

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// The micro-batches of one step on this rank: whole sequences of this data rank's share, as many at a time as
// the plan says.
std::vector<LocalBatch> step_batches(const TrainRecipe& options, const TrainContext& context, int64_t step) {
  const Mesh& mesh = *context.mesh;
  const int64_t share = options.batch_sequences / mesh.size(Axis::kData);
  const int64_t at_once = context.model->plan().micro_batch;
  const int64_t first = (step - 1) * options.batch_sequences + mesh.index(Axis::kData) * share;

  std::vector<LocalBatch> batches;
  for (int64_t begin = 0; begin < share; begin += at_once) {
    std::vector<std::vector<int32_t>> sequences;
    std::vector<std::vector<float>> weights;
    std::vector<SequenceSpec> specs;
    for (int64_t i = begin; i < std::min(begin + at_once, share); ++i) {
      Window window = context.windows->window(static_cast<uint64_t>(first + i));
      specs.push_back({.length = std::ssize(window.tokens), .documents = std::move(window.documents)});
      sequences.push_back(std::move(window.tokens));
      weights.push_back(std::move(window.weights));
    }
    const SequenceLayout layout(context.model->attention().split(), std::move(specs));
    batches.push_back(make_local_batch(sequences, weights, layout,
                                       context.parameters->weight_options().dtype().toScalarType()));
  }
  return batches;
}

// Sum of the weights of this rank's scored tokens.
double scored_weight(const LocalBatch& batch) {
  const at::Tensor scored = at::ne(batch.labels, kIgnoredLabel);
  return batch.weights.defined() ? at::sum(batch.weights * scored, at::kDouble).item<double>()
                                 : at::sum(scored).item<double>();
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
        progress_(world_.rank() == 0) {}

  TrainOutcome run();

 private:
  struct Step {
    int64_t number = 0;  // from 1
    double loss = 0;     // of all ranks' tokens, before the update
    double learning_rate = 0;
    ShardedAdamW::StepResult update{};
    Clock::time_point start{};
  };
  static ShardedAdamW make_optimizer(const TrainContext& context);
  ops::AdamWOptions adamw_options(double learning_rate) const;
  Step take_step(int64_t number);
  double global_weight(const std::vector<LocalBatch>& batches, int64_t step);
  void record(const Step& step);
  void report(const Step& step);
  void save_if_due(int64_t step);

  const TrainRecipe& options_;
  const TrainContext& context_;
  Communicator& world_;
  StepMemory memory_;
  ShardedAdamW optimizer_;
  TrainState state_;
  ProgressLine progress_;
  int64_t skipped_in_a_row_ = 0;
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
  Step step{.number = number, .start = Clock::now()};
  memory_.begin_step();
  const std::vector<LocalBatch> batches = step_batches(options_, context_, number);
  const double weight = global_weight(batches, number);
  for (const LocalBatch& batch : batches) {
    step.loss += context_.model->forward_backward(batch, context_.factors, 1.0 / weight);
  }
  step.loss = all_reduce_sum(world_, step.loss);
  step.learning_rate = learning_rate_at(options_, number);
  step.update = optimizer_.step(adamw_options(step.learning_rate), options_.clip_norm);
  memory_.end_step(optimizer_, batches.front());
  return step;
}

// Counts the step. Throws kNumerics after too many in a row without an update.
void Training::record(const Step& step) {
  state_.step = step.number;
  if (step.update.applied) {
    skipped_in_a_row_ = 0;
    std::vector<double>& recent = state_.recent_losses;
    if (std::isfinite(step.loss)) recent.push_back(step.loss);
    if (recent.size() > kRecentLosses) recent.erase(recent.begin());
    return;
  }
  ++state_.skipped_steps;
  if (world_.rank() == 0) {
    log_warning("{}: step {}: loss {}, gradient norm {}: not finite, the update is skipped",
                context_.stage_name, step.number, step.loss, step.update.gradient_norm);
  }
  if (++skipped_in_a_row_ > options_.max_skipped_steps) {
    fail(ErrorKind::kNumerics,
         "{}: {} steps in a row without a finite gradient, the last one is {}; the newest "
         "checkpoint is kept; lower learning_rate (now {}) or look at the data of that step",
         context_.stage_name, skipped_in_a_row_, step.number, step.learning_rate);
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
                           .memory = memory_.latest()});
  progress_.update(context_.stage_name, step.number, options_.steps,
                   fmt::format("loss {:.4f}  grad {:.2f}  lr {:.2e}  {:.0f} tok/s", step.loss,
                               step.update.gradient_norm, step.learning_rate, tokens_per_second));
}

// Throws kStopped once a requested stop has saved what is there.
void Training::save_if_due(int64_t step) {
  const bool last = step == options_.steps;
  const bool stop = !last && any_rank(world_, context_.should_stop && context_.should_stop());
  const bool due = options_.checkpoint_every > 0 && step % options_.checkpoint_every == 0;
  if (stop || due || last) save_train_checkpoint(options_, context_, optimizer_, state_);
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
  while (state_.step < options_.steps) {
    const Step step = take_step(state_.step + 1);
    record(step);
    report(step);
    save_if_due(step.number);
  }
  progress_.finish();

  outcome.steps = state_.step;
  outcome.memory = memory_.highest();
  outcome.skipped_steps = state_.skipped_steps;
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
