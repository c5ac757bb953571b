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
#include "trainer/stages/evaluation_cells.h"
#include "trainer/stages/run_benchmarks.h"
#include "trainer/stages/short_loss_gate.h"
#include "trainer/stages/stages.h"

namespace ropeway {
namespace {

// Said once per stage: "scores: not evaluated within the original window of 64 tokens, where they are the
// original RoPE ("none"): yarn at 32, yarn at 64". Where "none" is not evaluated either, those lengths have
// no figure.
void tell_what_is_skipped(const StageRecipe& stage, const ModelConfig& config) {
  const std::vector<std::string> skipped =
      skipped_cells(config, stage.evaluate().factors, stage.evaluate().lengths);
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
  BenchmarkSet benchmarks(stage.evaluate().benchmarks, longppl_windows(stage.evaluate()));
  const bool base =
      stage.evaluate().model == EvaluatedModel::kBase || state.current_model == state.base_model;
  const std::filesystem::path weights = base ? state.base_model : state.current_model;
  const Documents& documents = state.documents("test");
  const std::vector<int32_t> start = window_start(state.recipe, stage, *state.tokenizer, state.named);
  if (world.rank() == 0) tell_what_is_skipped(stage, state.config);

  const CellModel model = {state.config, state.sets, base ? state.base_weights : state.current_weights};
  const std::vector<std::string>& names = stage.evaluate().factors;
  const auto cells = evaluation_cells(model, names, stage.evaluate().lengths, SameAsNone::kSkip);
  if (world.rank() == 0) tell_of_lengths(names, cells, stage.name);
  const std::filesystem::path folder = state.directory.stage_folder(stage.name);
  // Ranks that see another file must still do the same.
  const std::string identity = broadcast_string(world, identity_of(weights, state.recipe));
  KeptFigures kept(folder / "figures.json", world, {.weights = identity, .data = documents.fingerprint()});
  KeptPieces pieces(folder / "cell.part", world);
  const WalkControl walk = {
      .name = stage.name, .stop_requested = state.stop_requested, .pieces = &pieces, .weights = identity};
  const auto report = [&](const EvaluatedCell& evaluated) {
    state.reporter->evaluation(record_of(evaluated, stage.name, base));
  };
  const EvaluationTasks tasks = tasks_of(stage.evaluate(), state.recipe.seed, {start, state.marks.after});
  const std::vector<EvaluatedCell> results =
      evaluate_cells({state.model(weights), state.mesh, documents, state.tokenizer.get()}, cells, tasks,
                     {.walk = walk, .finished = report, .kept = &kept});
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
    run_benchmarks(state, stage, benchmarks,
                   {.model = state.model(weights),
                    .start = start,
                    .model_name = base ? "base" : "tuned",
                    .walk = walk,
                    .at_window = window_cells(model, names, SameAsNone::kSkip),
                    .at = cells});
  }
  apply_gate(state, stage);
  return {};
}

}  // namespace ropeway
