// evaluate: bits per byte and passkey retrieval for every factor name and length of the stage, on the test
// text.
#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/evaluator.h"
#include "trainer/formats/hf/weights_identity.h"
#include "trainer/model/same_weights.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/run_benchmarks.h"
#include "trainer/stages/short_loss_gate.h"
#include "trainer/stages/stages.h"

namespace ropeway {
namespace {

// Within the original window most computed schedules are the original RoPE: "none" stands for them.
bool same_as_none(const std::string& name, int64_t length, const ModelConfig& config) {
  if (name == kOriginalRope || !is_computed_name(name) || length > config.original_window) return false;
  return computed_factor_set(name, config.rope_geometry(), length).factors ==
         identity_factors(config.rotary_pairs());
}

// Said once per stage: "scores: not evaluated within the original window of 64 tokens, where they are the
// original RoPE ("none"): yarn at 32, yarn at 64". Where "none" is not evaluated either, those lengths have
// no figure.
void tell_what_is_skipped(const StageRecipe& stage, const ModelConfig& config) {
  std::vector<std::string> skipped;
  for (const int64_t length : stage.evaluate().lengths) {
    for (const std::string& name : stage.evaluate().factors) {
      if (same_as_none(name, length, config)) skipped.push_back(fmt::format("{} at {}", name, length));
    }
  }
  if (skipped.empty()) return;
  const bool none_stands_for_them =
      std::ranges::find(stage.evaluate().factors, kOriginalRope) != stage.evaluate().factors.end();
  log_message(none_stands_for_them ? LogLevel::kInfo : LogLevel::kWarning,
              fmt::format("{}: not evaluated within the original window of {} tokens, where they are the "
                          "original RoPE (\"none\"{}): {}",
                          stage.name, config.original_window,
                          none_stands_for_them ? "" : ", which is not among the factors to evaluate",
                          fmt::join(skipped, ", ")));
}

std::vector<EvaluationCell> cells_of(const StageRecipe& stage, const std::vector<int64_t>& lengths,
                                     const RunState& state, const std::string& weights) {
  const auto resolved = [&](const std::string& name, int64_t length) {
    return resolve_factors(name, length, state.config, state.sets, weights);
  };
  std::vector<EvaluationCell> cells;
  for (const int64_t length : lengths) {
    for (const std::string& name : stage.evaluate().factors) {
      if (same_as_none(name, length, state.config)) continue;
      const FactorSet factors = resolved(name, length);
      cells.push_back({.name = name == kAutoFactors ? factors.name : name,
                       .length = length,
                       .factors = factors,
                       .window_factors = resolved(kAutoFactors, state.config.original_window)});
      if (state.mesh.world().rank() != 0) continue;
      const std::string warning =
          name == kAutoFactors ? beyond_longest_set(factors, length) : length_warning(cells.back());
      if (!warning.empty()) log_warning("{}: {}", stage.name, warning);
    }
  }
  return cells;
}

// At every length of the stage; nullopt: not asked for. Of windows that share a number of tokens, those of its longest.
std::optional<int64_t> longppl_windows(const EvaluateRecipe& evaluate) {
  if (!evaluate.measures(EvaluateTask::kLongPpl)) return std::nullopt;
  return windows_at(std::ranges::max(evaluate.lengths),
                    {.windows = evaluate.windows, .tokens = evaluate.tokens});
}

// The sets that short inputs get. Where each of them is the original RoPE, that once.
std::vector<EvaluationCell> window_cells(const StageRecipe& stage, const RunState& state, bool base) {
  const int64_t window = state.config.original_window;
  const std::string& weights = base ? state.base_weights : state.current_weights;
  std::vector<EvaluationCell> cells = cells_of(stage, {window}, state, weights);
  if (cells.empty()) {
    const FactorSet original = resolve_factors(kOriginalRope, window, state.config, state.sets, weights);
    cells.push_back({.name = kOriginalRope, .length = window, .factors = original});
  }
  return cells;
}

EvaluationTasks tasks_of(const EvaluateRecipe& recipe, uint64_t seed, const DocumentMarks& marks) {
  return {.perplexity = recipe.measures(EvaluateTask::kPerplexity),
          .passkey = recipe.measures(EvaluateTask::kPasskey),
          .windows = recipe.windows,
          .tokens = recipe.tokens,
          .passkey_depths = recipe.passkey_depths,
          .passkey_samples = recipe.passkey_samples,
          .seed = seed,
          .start = marks.before,
          .end = marks.after,
          .aligned = recipe.aligned_lengths(),
          .stride = recipe.stride,
          .target_tokens = recipe.target_tokens,
          .haystack = recipe.haystack,
          .needles = recipe.measures(EvaluateTask::kNeedles),
          .needles_in_a_pass = recipe.needles,
          .needle_passes = recipe.needle_passes,
          .controls = recipe.controls,
          .control_windows = recipe.control_windows};
}

EvaluationRecord record_of(const EvaluatedCell& evaluated, const std::string& stage, bool base) {
  const auto& [cell, figures] = evaluated;
  EvaluationRecord record{
      .stage = stage, .model = base ? "base" : "tuned", .factors = cell.name, .length = cell.length};
  if (const auto& p = figures.perplexity) {
    record.bits_per_byte = p->bits_per_byte;
    record.bits_interval = p->bits_interval;
    record.tail_bits_per_byte = p->tail_bits_per_byte;
    record.figures = {{"nats_per_token", p->nll, p->nll_interval},
                      {"perplexity", p->perplexity, perplexity_interval(*p)},
                      {"window_perplexity", p->window_perplexity},
                      {"targets", static_cast<double>(p->predicted_tokens)}};
  }
  if (const auto& k = figures.passkey) {
    record.passkey = k->accuracy;
    record.passkey_interval = k->interval;
  }
  if (const auto& n = figures.needles) record.figures.push_back({"needles", n->accuracy, n->interval});
  for (const ControlResult& control : figures.controls) {
    record.controls.push_back(
        {std::string(word_of(control.kind)), control.passed, control.figure, control.interval});
  }
  return record;
}

// Which weights the figures are of, and the type they are computed in.
std::string identity_of(const std::filesystem::path& model, const Recipe& recipe) {
  const std::string weights =
      model.empty() ? fmt::format("initialised from seed {}", recipe.seed) : weights_identity(model);
  return fmt::format("{} in {}", weights, word_of(recipe.dtype));
}

}  // namespace

StageNumbers run_evaluate_stage(RunState& state, const StageRecipe& stage) {
  Communicator& world = state.mesh.world();
  check_gate(state, stage);
  BenchmarkSet benchmarks(stage.evaluate().benchmarks, longppl_windows(stage.evaluate()));
  const bool base =
      stage.evaluate().model == EvaluatedModel::kBase || state.current_model == state.base_model;
  const std::filesystem::path weights = base ? state.base_model : state.current_model;
  const Documents& documents = state.documents("test");
  const std::vector<int32_t> start = window_start(state.recipe, stage, *state.tokenizer, state.named);
  if (world.rank() == 0) tell_what_is_skipped(stage, state.config);

  const auto cells =
      cells_of(stage, stage.evaluate().lengths, state, base ? state.base_weights : state.current_weights);
  KeptFigures kept(state.directory.stage_folder(stage.name) / "figures.json", world,
                   {.weights = identity_of(weights, state.recipe), .data = documents.fingerprint()});
  const auto report = [&](const EvaluatedCell& evaluated) {
    state.reporter->evaluation(record_of(evaluated, stage.name, base));
  };
  const EvaluationTasks tasks = tasks_of(stage.evaluate(), state.recipe.seed, {start, state.marks.after});
  const std::vector<EvaluatedCell> results = evaluate_cells(
      {state.model(weights), state.mesh, documents, state.tokenizer.get()}, cells, tasks,
      {.name = stage.name, .stop_requested = state.stop_requested, .finished = report, .kept = &kept});
  require_same_weights(world, state.session.parameters(), ErrorKind::kPeer, stage.name);
  const std::vector<ComparedCells> differences = paired_differences(results, tasks);
  for (size_t i = 0; i < results.size(); ++i) {
    EvaluationRecord record = record_of(results[i], stage.name, base);
    for (const ComparedCells& compared : differences) {
      const EvaluationCell& against = results[compared.against].cell;
      if (compared.cell != i) continue;
      record.differences.push_back(
          {against.name, against.length, compared.difference.nll, compared.difference.nll_interval});
    }
    if (!record.differences.empty()) state.reporter->evaluation(record);
  }
  if (benchmarks.any()) {
    const std::vector<EvaluationCell> at_window = window_cells(stage, state, base);
    run_benchmarks(state, stage, benchmarks,
                   {.model = state.model(weights),
                    .start = start,
                    .model_name = base ? "base" : "tuned",
                    .weights = identity_of(weights, state.recipe),
                    .at_window = at_window,
                    .at = cells});
  }
  apply_gate(state, stage);
  return {};
}

}  // namespace ropeway
