// evaluate: bits per byte and passkey retrieval for every factor name and length of the stage, on the test
// text.
#include <algorithm>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "kernels/base/log.h"
#include "trainer/evaluate/passkey_eval.h"
#include "trainer/evaluate/perplexity.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/stages.h"

namespace ropeway {
namespace {

// Within the original window every computed schedule is the original RoPE: "none" stands for them all.
bool same_as_none(const std::string& name, int64_t length, const ModelConfig& config) {
  return name != "none" && is_computed_name(name) && length <= config.original_window;
}

// Once per stage: "scores: not evaluated within the original window of 64 tokens, where they are the original
// RoPE ("none"): yarn at 32, yarn at 64". Where "none" is not evaluated either, those lengths have no figure.
void tell_what_is_skipped(const StageRecipe& stage, const ModelConfig& config) {
  std::vector<std::string> skipped;
  for (const int64_t length : stage.evaluate.lengths) {
    for (const std::string& name : stage.evaluate.factors) {
      if (same_as_none(name, length, config)) skipped.push_back(fmt::format("{} at {}", name, length));
    }
  }
  if (skipped.empty()) return;
  const bool none_stands_for_them = contains(stage.evaluate.factors, "none");
  log_message(none_stands_for_them ? LogLevel::kInfo : LogLevel::kWarning,
              fmt::format("{}: not evaluated within the original window of {} tokens, where they are the "
                          "original RoPE (\"none\"{}): {}",
                          stage.name, config.original_window,
                          none_stands_for_them ? "" : ", which is not among the factors to evaluate",
                          fmt::join(skipped, ", ")));
}

// 0: all that fit.
int64_t windows_at(int64_t length, const EvaluateRecipe& options) {
  if (options.tokens == 0) return options.windows;
  const int64_t windows = std::max<int64_t>(1, options.tokens / length);
  return options.windows == 0 ? windows : std::min(windows, options.windows);
}

std::string summary(const EvaluationRecord& record) {
  std::string text = fmt::format("{} at {}:", record.factors, record.length);
  if (record.bits_per_byte >= 0) text += fmt::format(" {:.3f} bits/byte", record.bits_per_byte);
  if (record.passkey >= 0) text += fmt::format(" passkey {:.0f}%", 100 * record.passkey);
  return text;
}

}  // namespace

StageNumbers run_evaluate_stage(RunState& state, const StageRecipe& stage) {
  Communicator& world = state.mesh.world();
  const EvaluateRecipe& options = stage.evaluate;
  const bool base = stage.model == EvaluatedModel::kBase || state.current_model == state.base_model;
  CausalLM& model = state.model(base ? state.base_model : state.current_model);
  const Documents& documents = state.documents("test");
  const int64_t longest = *std::max_element(options.lengths.begin(), options.lengths.end());
  require_document_of(documents, longest, "stage " + stage.name);

  if (world.rank() == 0) tell_what_is_skipped(stage, state.config);
  ProgressLine progress(world.rank() == 0);
  const int64_t total = static_cast<int64_t>(options.lengths.size() * options.factors.size());
  int64_t done = 0;
  for (const int64_t length : options.lengths) {
    for (const std::string& name : options.factors) {
      ++done;
      if (same_as_none(name, length, state.config)) continue;
      const FactorSet factors = resolve_factors(name, length, state.config, state.sets);
      EvaluationRecord record{.stage = stage.name,
                              .model = base ? "base" : "tuned",
                              .factors = name == "auto" ? factors.name : name,
                              .length = length};
      if (options.measures(EvaluateTask::kPerplexity)) {
        const PerplexityResult result =
            evaluate_perplexity(model, state.mesh, documents, factors,
                                {.length = length, .max_windows = windows_at(length, options)});
        record.bits_per_byte = result.bits_per_byte;
        record.tail_bits_per_byte = result.tail_bits_per_byte;
      }
      if (options.measures(EvaluateTask::kPasskey)) {
        const PasskeyResult result = evaluate_passkey(model, state.mesh, documents, *state.tokenizer, factors,
                                                      {.length = length,
                                                       .depths = options.passkey_depths,
                                                       .samples_per_depth = options.passkey_samples,
                                                       .seed = state.recipe.seed});
        record.passkey = result.accuracy;
      }
      state.reporter->evaluation(record);
      progress.update(stage.name, done, total, summary(record));
      if (any_rank(world, state.stop_requested && state.stop_requested())) {
        progress.finish();
        fail(ErrorKind::kStopped,
             "{}: stopped on request after {} of {} evaluations; run the same command again to go on",
             stage.name, done, total);
      }
    }
  }
  progress.finish();
  return {};
}

}  // namespace ropeway
