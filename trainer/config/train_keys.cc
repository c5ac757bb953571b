// Keys of stages that train: pretrain and finetune.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

constexpr std::string_view kTrain = "pretrain finetune";

template <auto Member>
Field train(StageRecipe& s) {
  return field_at(s.options<TrainRecipe>().*Member);
}

}  // namespace

std::vector<RecipeKey> train_keys() {
  using enum ValueType;
  using T = TrainRecipe;
  return {
      key(kTrain, "length", kLength, train<&T::length>,
          {.low = 2,
           .high = kMaxLength,
           .required = true,
           .also = "seq_len seqlen sequence_len sequence_length max_seq_len cutoff_len context_length"},
          "tokens per sequence"),
      key("finetune", "target", kLength, train<&T::target>, {.low = 2, .high = kMaxLength},
          "where from names a formula (pi, ntk, yarn, cope, ...): tokens that its factors are for"),
      key(kTrain, "batch_sequences", kInteger, train<&T::batch_sequences>,
          {.low = 1,
           .high = 1e6,
           .also = "batch_size batch global_batch_size train_batch_size gradient_accumulation_steps "
                   "per_device_train_batch_size"},
          "sequences per step, over all ranks"),
      key(kTrain, "steps", kInteger, train<&T::steps>,
          {.low = 1,
           .high = kMaxCount,
           .required = true,
           .also = "max_steps num_steps train_steps total_steps num_epochs num_train_epochs"},
          "optimizer steps"),
      key(kTrain, "learning_rate", kNumber, train<&T::learning_rate>,
          {.high = 1, .above = true, .also = "lr peak_lr max_lr"}, "peak"),
      key(kTrain, "min_learning_rate", kNumber, train<&T::min_learning_rate>,
          {.high = 1, .also = "min_lr end_lr"}, "where the schedule ends"),
      key(kTrain, "warmup_steps", kInteger, train<&T::warmup_steps>, {.also = "warmup num_warmup_steps"},
          "steps from 0 to the peak"),
      key(kTrain, "schedule", kChoice, train<&T::schedule>,
          {.also = "lr_scheduler lr_scheduler_type scheduler lr_schedule"}, "decay after the warm-up"),
      key(kTrain, "beta1", kNumber, train<&T::beta1>, {.high = 0.999999, .also = "adam_beta1"},
          "AdamW, first moment"),
      key(kTrain, "beta2", kNumber, train<&T::beta2>, {.high = 0.999999999, .also = "adam_beta2"},
          "AdamW, second moment"),
      key(kTrain, "eps", kNumber, train<&T::eps>,
          {.high = 1, .above = true, .also = "adam_epsilon adam_eps epsilon"},
          "AdamW, added to the root of the second moment"),
      key(kTrain, "weight_decay", kNumber, train<&T::weight_decay>, {.high = 10, .also = "wd"},
          "AdamW, of all weights but the norms"),
      key(kTrain, "moments", kChoice, train<&T::moments>,
          {.choices = "fp32 bf16", .also = "optimizer_dtype optim_dtype adam_dtype moments_dtype"},
          "AdamW, type of both moments; bf16 takes 4 bytes per parameter less, for beta2 up to 0.99"),
      key(kTrain, "clip_norm", kNumber, train<&T::clip_norm>,
          {.high = 1e9, .above = true, .also = "max_grad_norm grad_clip gradient_clipping clip"},
          "gradients are scaled down to this norm"),
      key(kTrain, "passkey_fraction", kNumber, train<&T::passkey_fraction>, {.high = 1},
          "share of windows with a passkey"),
      key(kTrain, "passkey_answer_weight", kNumber, train<&T::passkey_answer_weight>,
          {.high = 1e4, .above = true}, "loss weight of the passkey's digits"),
      key("finetune", "mix.short", kShare, train<&T::short_share>, {.high = 1},
          "share of the sequences that hold documents within the original window, each by itself under the "
          "original RoPE (LongRoPE2's mixed context windows); the others are under the set of from"),
      key("finetune", "positions.skip", kLength, train<&T::skip_target>, {.low = 2, .high = kMaxLength},
          "positions that windows reach by leaving some out, as if they were so many tokens long (PoSE); at "
          "most what the set of from is for; default: none are left out"),
      key("finetune", "positions.chunks", kInteger, train<&T::skip_chunks>, {.low = 2, .high = 64},
          "runs of positions in a window that leaves some out"),
      key("finetune", "positions.growth", kShare, train<&T::skip_growth>, {.high = 1},
          "share of the steps over which positions.skip grows from the length to what it is"),
      key(kTrain, "checkpoint_every", kCadence, train<&T::checkpoint_every>,
          {.also = "save_every save_steps save_interval checkpoint_interval", .bears_on_nothing = true},
          "steps, or time as in 10m; 0: only when stopped and at the end"),
      key(kTrain, "keep_checkpoints", kInteger, train<&T::keep_checkpoints>,
          {.low = 2, .high = 1e6, .also = "save_total_limit keep_latest_k keep", .bears_on_nothing = true},
          "verified checkpoints kept, the newest ones"),
      key(kTrain, "keep_every", kInteger, train<&T::keep_every>, {.bears_on_nothing = true},
          "steps; of every so many, the first checkpoint is kept for good as well; 0: none is"),
      key(kTrain, "max_skipped_steps", kInteger, train<&T::max_skipped_steps>, {.bears_on_nothing = true},
          "steps in a row without an update, their numbers not finite or on_spike against them, before "
          "giving "
          "up"),
      key(kTrain, "on_spike", kChoice, train<&T::on_spike>, {.also = "spike_policy loss_spike"},
          "a loss or gradient norm beyond 6 robust standard deviations of the steps before: only said, its "
          "update skipped, or back to the last checkpoint and on with the data that follows"),
  };
}

}  // namespace ropeway
