// pretrain and finetune: the train loop over the stage's windows, then the model saved with its factor sets.
#include <algorithm>
#include <map>
#include <string>

#include "kernels/base/log.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/weight_files.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/stages.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"

namespace ropeway {

namespace fs = std::filesystem;

namespace {

// The set the tuned weights belong to: the factors trained under, with the record that they were.
FactorSet tuned_set(const RunState& state, const StageRecipe& stage, const TrainOutcome& outcome,
                    const std::string& data_fingerprint) {
  FactorSet set = state.start_set(stage.from);
  set.history = {.method = kTunedMethod,
                 .stage = stage.name,
                 .parent = set.name,
                 .recipe_sha256 = state.directory.recipe_sha256(),
                 .search_sha256 = set.history.search_sha256,
                 .data_fingerprint = data_fingerprint,
                 .fitness = outcome.final_loss,
                 .forward_equivalents = 0};
  set.name = stage.makes;
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

// What makes a checkpoint a model of its own, wherever its folder is moved: config.json, the factor sets,
// tokenizer and the other small files.
std::map<std::string, std::string> checkpoint_companions(const RunState& state, const FactorSet& factors) {
  const bool is_of_model = find_factor_set(state.sets, factors.name) != nullptr;
  auto files =
      model_files(state.config, state.sets, state.recipe.dtype,
                  {.copy_small_files_from = state.base_model, .in_force = is_of_model ? factors.name : ""});
  if (state.base_model.empty()) files["tokenizer.json"] = own_tokenizer();
  return files;
}

}  // namespace

StageNumbers run_train_stage(RunState& state, const StageRecipe& stage) {
  const fs::path folder = state.directory.stage_folder(stage.name);
  CausalLM& model = state.model(state.current_model);
  const Documents& documents = state.documents("train");
  const WindowSampler windows(documents, *state.tokenizer,
                              {.length = stage.train().length,
                               .seed = state.recipe.seed,
                               .passkey_fraction = stage.train().passkey_fraction,
                               .passkey_answer_weight = stage.train().passkey_answer_weight});
  TrainContext context;
  context.model = &model;
  context.parameters = &state.session.parameters();
  context.mesh = &state.mesh;
  context.exchange = state.exchange.get();
  context.windows = &windows;
  context.reporter = state.reporter.get();
  context.factors = state.start_set(stage.from);
  context.checkpoint_folder = folder / "checkpoints";
  run_on_rank(state.mesh.world(), 0,
              [&] { context.companions = checkpoint_companions(state, context.factors); });
  context.stage_name = stage.name;
  context.recipe_sha256 = state.directory.recipe_sha256();
  context.data_fingerprint = documents.fingerprint();
  context.should_stop = state.stop_requested;

  const TrainOutcome outcome = train(stage.train(), context);
  if (!stage.makes.empty()) state.add_set(tuned_set(state, stage, outcome, documents.fingerprint()));

  const fs::path model_folder = folder / "model";
  const std::vector<NamedTensor> weights =
      state.session.parameters().weights_on_host(state.mesh.world().rank() == 0);
  run_on_rank(state.mesh.world(), 0, [&] {
    save_model_dir(model_folder, state.config, state.sets, tensors_to_write(weights),
                   {.copy_small_files_from = state.base_model, .in_force = stage.makes, .replace = true});
    write_tokenizer_beside(state, model_folder);
  });
  state.session.saved_to(model_folder);
  state.current_model = model_folder;
  StageNumbers numbers = {{"steps", static_cast<double>(outcome.steps)},
                          {"final_loss", outcome.final_loss},
                          {"tokens_per_second", outcome.tokens_per_second},
                          {"skipped_steps", static_cast<double>(outcome.skipped_steps)}};
  for (const auto& [part, bytes] : outcome.memory) {
    numbers.emplace_back("memory_bytes_" + part, static_cast<double>(bytes));
  }
  return numbers;
}

}  // namespace ropeway
