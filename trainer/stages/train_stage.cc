// pretrain and finetune: the train loop over the stage's windows, then the model saved with its factor sets.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/hf/weights_name.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/same_weights.h"
#include "trainer/model/weight_files.h"
#include "trainer/plan/device_rates.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"
#include "trainer/stages/run_refusals.h"
#include "trainer/stages/stages.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"

namespace ropeway {

namespace fs = std::filesystem;

namespace {

// What the weights are tuned under: a set, or the factors of a formula for a length.
FactorSet starting_factors(const RunState& state, const StageRecipe& stage) {
  if (stage.kind() != StageKind::kFinetune || stage.train().target == 0) return state.start_set(stage.from);
  return computed_factor_set(stage.from, state.config.rope_geometry(), stage.train().target,
                             base_factors(state.sets));
}

// The set the tuned weights belong to: the factors trained under, with the record that they were.
struct Tuning {
  std::string weights;  // their name
  double loss = 0;
};
FactorSet tuned_set(const RunState& state, const StageRecipe& stage, const Tuning& tuning) {
  FactorSet set = starting_factors(state, stage);
  set.history = {.method = kTunedMethod,
                 .stage = stage.name,
                 .parent = set.name,
                 .recipe_sha256 = state.directory.recipe_sha256(),
                 .search_sha256 = set.history.search_sha256,
                 .data_fingerprint = state.documents("train").fingerprint(),
                 .short_share = stage.train().short_share,
                 .fitness = tuning.loss,
                 .forward_equivalents = 0};
  set.name = stage.makes;
  set.weights = tuning.weights;
  set.above = 0;  // every sequence was trained under it, but for short windows
  // Sequences may be shorter than what the factors are for (Mistral in the paper: 16K under the factors of
  // 128K).
  set.max_length = std::max(set.max_length, stage.train().length);
  return set;
}

// A freshly made model's tokenizer; others have theirs in the folder they come from.
std::string own_tokenizer() { return byte_tokenizer_json({"<s>", "</s>"}); }

void write_tokenizer_beside(const RunState& state, const fs::path& folder) {
  if (state.base_model.empty()) write_file_atomically(folder / "tokenizer.json", own_tokenizer());
}

// What makes a checkpoint a model of its own, wherever its folder is moved: config.json, the factor sets with
// the one that its weights are being tuned under, tokenizer and the other small files.
std::map<std::string, std::string> checkpoint_companions(const RunState& state, const StageRecipe& stage) {
  const std::string weights = fmt::format("{} in training", stage.name);
  std::vector<FactorSet> sets = state.sets;
  if (!stage.makes.empty()) sets.push_back(tuned_set(state, stage, {weights}));
  auto files = model_files(state.config, sets, state.recipe.dtype,
                           {.copy_small_files_from = state.base_model,
                            .in_force = stage.makes,
                            .weights_name = weights,
                            .files = state.own_files()});
  if (state.base_model.empty()) files["tokenizer.json"] = own_tokenizer();
  return files;
}

// Where numbers fail, training can go on from before.
TrainOutcome train_naming_checkpoints(const TrainRecipe& options, const TrainContext& context) {
  try {
    return train(options, context);
  } catch (const Error& error) {
    const std::vector<int64_t> steps = list_checkpoints(context.checkpoint_folder);
    if (error.kind() != ErrorKind::kNumerics || steps.empty()) throw;
    throw TrainingFailed(error.what(), context.stage_name, steps);
  }
}

// Rank 0's, of a training that is over: in memory or, where no rank holds them all, in the checkpoint that
// every training ends with.
struct TrainedWeights {
  std::vector<NamedTensor> in_memory;
  std::optional<ModelDir> in_checkpoint;

  std::vector<TensorToWrite> tensors() const {
    if (!in_checkpoint) return tensors_to_write(in_memory);
    std::vector<TensorToWrite> tensors;
    for (const SafetensorsFile& shard : in_checkpoint->shards) {
      for (const auto& [name, info] : shard.tensors()) {
        tensors.push_back({name, info.dtype, info.shape, shard.data(name).data()});
      }
    }
    return tensors;
  }
  void save(const fs::path& folder, const RunState& state, const SaveModelOptions& options) const {
    if (in_checkpoint) {
      save_model_dir(folder, state.config, state.sets, *in_checkpoint, options);
    } else {
      save_model_dir(folder, state.config, state.sets, tensors(), options);
    }
  }
};

TrainedWeights trained_weights(RunState& state, const fs::path& last_checkpoint) {
  const bool rank_0 = state.mesh.world().rank() == 0;
  ParameterStore& store = state.session.parameters();
  TrainedWeights weights;
  if (store.replicated()) {
    weights.in_memory = store.weights_on_host(rank_0);
  } else {
    run_on_rank(state.mesh.world(), 0,
                [&] { weights.in_checkpoint = open_model_dir(last_checkpoint, "weights.safetensors"); });
  }
  return weights;
}

}  // namespace

StageNumbers run_train_stage(RunState& state, const StageRecipe& stage) {
  const fs::path folder = state.directory.stage_folder(stage.name);
  CausalLM& model = state.model(state.current_model);
  const Documents& documents = state.documents("train");
  const WindowOptions options =
      window_options(state.recipe, stage, state.marks, state.config.original_window);
  const WindowSampler windows(documents, *state.tokenizer, options);
  if (state.mesh.world().rank() == 0) {
    log_info("{}: {}; {}", stage.name, windows.describe(), describe(state.marks));
  }
  TrainContext context;
  context.model = &model;
  context.parameters = &state.session.parameters();
  context.mesh = &state.mesh;
  context.exchange = state.exchange.get();
  context.windows = &windows;
  context.reporter = state.reporter.get();
  context.factors = starting_factors(state, stage);
  context.factors.weights.clear();  // in a checkpoint they lie with the weights they make
  if (stage.train().short_share > 0) context.short_factors = state.start_set(kOriginalRope);
  context.checkpoint_folder = folder / "checkpoints";
  run_on_rank(state.mesh.world(), 0, [&] { context.companions = checkpoint_companions(state, stage); });
  context.stage_name = stage.name;
  context.recipe_sha256 = state.binding.own;
  context.earlier_recipes = state.binding.earlier;
  context.data_fingerprint = documents.fingerprint() + "+" + describe(state.marks);
  context.compare_every = state.recipe.engine.compare_every;
  context.should_stop = state.stop_requested;
  context.stop = state.stop;
  if (state.gpus != nullptr) {
    const auto known = device_called_by_cuda(state.gpus->info().name);
    context.peak_tflops = known ? known->peak : 0;
  }

  const TrainOutcome outcome = train_naming_checkpoints(stage.train(), context);
  const InPhase saving(Phase::kSaving);
  const fs::path model_folder = folder / "model";
  const TrainedWeights weights =
      trained_weights(state, context.checkpoint_folder / name_of_step(outcome.steps));
  run_on_rank(state.mesh.world(), 0,
              [&] { state.current_weights = name_of_weights(stage.name, weights.tensors()); });
  state.current_weights = broadcast_string(state.mesh.world(), state.current_weights);
  if (!stage.makes.empty()) {
    state.add_set(tuned_set(state, stage, {state.current_weights, outcome.final_loss}));
  }
  run_on_rank(state.mesh.world(), 0, [&] {
    weights.save(model_folder, state,
                 {.copy_small_files_from = state.base_model,
                  .in_force = stage.makes,
                  .replace = true,
                  .weights_name = state.current_weights,
                  .files = state.own_files()});
    write_tokenizer_beside(state, model_folder);
  });
  state.session.saved_to(model_folder);
  state.current_model = model_folder;
  StageNumbers numbers = {{"steps", static_cast<double>(outcome.steps)},
                          {"final_loss", outcome.final_loss},
                          {"tokens_per_second", outcome.tokens_per_second},
                          {"skipped_steps", static_cast<double>(outcome.skipped_steps)},
                          {"spikes", static_cast<double>(outcome.spikes)},
                          {"rollbacks", static_cast<double>(outcome.rollbacks)},
                          {"checkpoints", static_cast<double>(outcome.saving.checkpoints)},
                          {"checkpoint_wait_seconds", outcome.saving.waited},
                          {"checkpoint_write_seconds", outcome.saving.written}};
  for (const auto& [part, bytes] : outcome.memory) {
    numbers.emplace_back("memory_bytes_" + part, static_cast<double>(bytes));
  }
  return numbers;
}

}  // namespace ropeway
