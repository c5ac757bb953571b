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
#include "parallel/comm/exchange_values.h"
#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_checkpoint.h"

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
// micro_batch_tokens allows.
std::vector<LocalBatch> step_batches(const TrainRecipe& options, const TrainContext& context, int64_t step) {
  const Mesh& mesh = *context.mesh;
  const int64_t share = options.batch_sequences / mesh.size(Axis::kData);
  const int64_t local_tokens = options.length / mesh.size(Axis::kSequence);
  const int64_t at_once = std::clamp<int64_t>(options.micro_batch_tokens / local_tokens, 1, share);
  const int64_t first = (step - 1) * options.batch_sequences + mesh.index(Axis::kData) * share;

  std::vector<LocalBatch> batches;
  for (int64_t begin = 0; begin < share; begin += at_once) {
    std::vector<std::vector<int32_t>> sequences;
    std::vector<std::vector<float>> weights;
    for (int64_t i = begin; i < std::min(begin + at_once, share); ++i) {
      Window window = context.windows->window(static_cast<uint64_t>(first + i));
      sequences.push_back(std::move(window.tokens));
      weights.push_back(std::move(window.weights));
    }
    batches.push_back(make_local_batch(sequences, weights, context.model->ring(),
                                       context.parameters->flat_weights().scalar_type()));
  }
  return batches;
}

// Sum of the weights of this rank's scored tokens.
double scored_weight(const LocalBatch& batch) {
  const at::Tensor scored = at::ne(batch.labels, -100);
  return batch.weights.defined() ? at::sum(batch.weights * scored, at::kDouble).item<double>()
                                 : at::sum(scored).item<double>();
}

}  // namespace

TrainOutcome train(const TrainRecipe& options, const TrainContext& context) {
  Communicator& world = context.mesh->world();
  StepMemory memory(context);
  ShardedAdamW optimizer(*context.exchange, context.parameters->flat_weights(),
                         context.parameters->flat_gradients(), context.parameters->decayed_ranges(),
                         {.narrow_moments = options.moments == DType::kBF16});
  TrainState state = restore_train_checkpoint(context, optimizer);
  context.reporter->resume_at(context.stage_name, state.step);

  TrainOutcome outcome;
  outcome.resumed_from = state.step;
  ops::AdamWOptions adamw{.learning_rate = 0,
                          .beta1 = options.beta1,
                          .beta2 = options.beta2,
                          .eps = options.eps,
                          .weight_decay = options.weight_decay};
  ProgressLine progress(world.rank() == 0);
  int64_t skipped_in_a_row = 0;
  const auto start = Clock::now();

  while (state.step < options.steps) {
    const auto step_start = Clock::now();
    memory.begin_step();
    const int64_t step = state.step + 1;
    const std::vector<LocalBatch> batches = step_batches(options, context, step);
    double weight = 0;
    for (const LocalBatch& batch : batches) weight += scored_weight(batch);
    weight = all_reduce_sum(world, weight);
    if (weight <= 0) {
      fail(ErrorKind::kBadData, "{}: step {} has no token to score", context.stage_name, step);
    }

    // Gradients are summed over ranks and the loss is scaled by the global weight: uneven labels per rank
    // cost nothing.
    double loss = 0;
    for (const LocalBatch& batch : batches)
      loss += context.model->forward_backward(batch, context.factors, 1.0 / weight);
    loss = all_reduce_sum(world, loss);
    adamw.learning_rate = learning_rate_at(options, step);
    const ShardedAdamW::StepResult result = optimizer.step(adamw, options.clip_norm);
    state.step = step;

    if (result.applied) {
      skipped_in_a_row = 0;
      if (std::isfinite(loss)) state.recent_losses.push_back(loss);
      if (state.recent_losses.size() > kRecentLosses) state.recent_losses.erase(state.recent_losses.begin());
    } else {
      ++state.skipped_steps;
      if (world.rank() == 0) {
        log_warning("{}: step {}: loss {}, gradient norm {}: not finite, the update is skipped",
                    context.stage_name, step, loss, result.gradient_norm);
      }
      if (++skipped_in_a_row > options.max_skipped_steps) {
        fail(ErrorKind::kNumerics,
             "{}: {} steps in a row without a finite gradient, the last one is {}; the newest "
             "checkpoint is kept; lower learning_rate (now {}) or look at the data of that step",
             context.stage_name, skipped_in_a_row, step, adamw.learning_rate);
      }
    }

    const double seconds = seconds_since(step_start);
    const double tokens_per_second = static_cast<double>(options.batch_sequences * options.length) / seconds;
    context.reporter->step({.stage = context.stage_name,
                            .step = step,
                            .total_steps = options.steps,
                            .loss = loss,
                            .learning_rate = adamw.learning_rate,
                            .gradient_norm = result.gradient_norm,
                            .tokens_per_second = tokens_per_second,
                            .seconds = seconds,
                            .peak_memory_bytes = peak_memory_bytes(),
                            .skipped_steps = state.skipped_steps,
                            .memory = memory.end_step(optimizer, batches.front())});
    progress.update(context.stage_name, step, options.steps,
                    fmt::format("loss {:.4f}  grad {:.2f}  lr {:.2e}  {:.0f} tok/s", loss,
                                result.gradient_norm, adamw.learning_rate, tokens_per_second));

    const bool stop = step < options.steps && any_rank(world, context.should_stop && context.should_stop());
    const bool due = options.checkpoint_every > 0 && step % options.checkpoint_every == 0;
    if (stop || due || step == options.steps) save_train_checkpoint(options, context, optimizer, state);
    if (stop) {
      progress.finish();
      fail(ErrorKind::kStopped,
           "{}: stopped on request after step {} of {}; saved; run the same command again to go on",
           context.stage_name, step, options.steps);
    }
  }
  progress.finish();

  outcome.steps = state.step;
  outcome.memory = memory.highest();
  outcome.skipped_steps = state.skipped_steps;
  const auto recent = static_cast<double>(state.recent_losses.size());
  for (double loss : state.recent_losses) outcome.final_loss += loss / recent;
  outcome.seconds = seconds_since(start);
  outcome.tokens_per_second =
      static_cast<double>((state.step - outcome.resumed_from) * options.batch_sequences * options.length) /
      std::max(outcome.seconds, 1e-9);
  return outcome;
}

}  // namespace ropeway
