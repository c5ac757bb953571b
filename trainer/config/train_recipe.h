// What a stage that trains says: pretrain and finetune.
#pragma once

#include <cstdint>

#include "trainer/config/cadence.h"
#include "trainer/config/choices.h"
#include "trainer/config/dtype_words.h"

namespace ropeway {

// How the learning rate falls after the warm-up.
enum class LearningRateSchedule { kLinear, kCosine, kConstant };
template <>
struct ChoiceTable<LearningRateSchedule> {
  using enum LearningRateSchedule;
  static constexpr Choice<LearningRateSchedule> choices[] = {
      {kLinear, "linear"}, {kCosine, "cosine"}, {kConstant, "constant"}};
};

// What becomes of a step whose loss or gradient norm is far above those of the steps before it
// (finetune/spike_watch.h): its update is made all the same, or left out, or training goes back to the last
// checkpoint and on with the data that follows.
enum class OnSpike { kWarn, kSkip, kRollback };
template <>
struct ChoiceTable<OnSpike> {
  using enum OnSpike;
  static constexpr Choice<OnSpike> choices[] = {{kWarn, "warn"}, {kSkip, "skip"}, {kRollback, "rollback"}};
};

// BF16 keeps a change of a number by one part in 2^8 or more. Second moments of a larger beta2 than this,
// which lose less than that per step, would hardly decay.
inline constexpr double kLargestBeta2OfNarrowMoments = 0.99;

struct TrainRecipe {
  int64_t length = 0;           // tokens per sequence
  int64_t target = 0;           // tokens that the factors of a formula in `from` are for; 0: `from` is a set
  int64_t batch_sequences = 1;  // sequences per step, over all ranks
  // Tokens a rank holds at once: a step is cut into micro-batches of whole sequences.
  int64_t micro_batch_tokens = 16384;
  int64_t steps = 0;
  double learning_rate = 2e-5, min_learning_rate = 0;
  int64_t warmup_steps = 0;
  LearningRateSchedule schedule = LearningRateSchedule::kLinear;
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.0, clip_norm = 1.0;
  DType moments = DType::kF32;  // kBF16: AdamW's two moments in half the memory
  double passkey_fraction = 0, passkey_answer_weight = 1;
  // Share of the sequences, and so of the tokens, that hold documents within the original window, under the
  // original RoPE (mixed context window training, LongRoPE2, section 3.3).
  double short_share = 0;
  // Skipped positions (data/skipped_positions.h): positions stay below skip_target; 0: none are skipped. It
  // grows to that over this share of the steps.
  int64_t skip_target = 0, skip_chunks = 2;
  double skip_growth = 0;
  Cadence checkpoint_every = Cadence::of_seconds(600);  // never: only at the end and on request
  int64_t keep_checkpoints = 2;                         // the newest ones
  int64_t keep_every = 0;  // steps: of each stretch of so many, the first checkpoint stays for good; 0: none
  // In a row, without an update or rolled back, before giving up.
  int64_t max_skipped_steps = 5;
  OnSpike on_spike = OnSpike::kWarn;
};

}  // namespace ropeway
