// search: factors for a longer target than the model was trained at. readjust: factors for a short length of
// an extended model. Both are one search; they differ in bounds and in the candidates that are always kept.
#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/config/lengths.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/windows.h"
#include "trainer/files/files.h"
#include "trainer/model/same_weights.h"
#include "trainer/model/scalar_type.h"
#include "trainer/report/duration_text.h"
#include "trainer/report/progress_line.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/search/finalists.h"
#include "trainer/search/model_objective.h"
#include "trainer/search/ranking_text.h"
#include "trainer/search/search.h"
#include "trainer/stages/stages.h"

namespace ropeway {
namespace {

Candidate as_candidate(const FactorSet& set) {
  return {.factors = set.factors,
          .temperature = set.attention_temperature,
          .start_tokens = set.start_tokens,
          .origin = set.name};
}

SearchProblem make_problem(const RunState& state, const StageRecipe& stage) {
  SearchProblem problem;
  problem.geometry = state.config.rope_geometry();
  problem.target_length = stage.search().length;
  problem.trained_length = state.config.original_window;
  problem.seed = state.recipe.seed;
  problem.options = stage.search();
  const FactorSet start = state.start_set(stage.from);
  problem.trained_factors = base_factors(state.sets);  // Llama 3.1's; what is found multiplies them
  // config/stage_chain.h refuses other recipes.
  if (stage.from == kOriginalRope) {
    for (const FactorSet& set : state.sets) {
      ROPEWAY_CHECK(!has_left_original(set) || !is_for_weights(set, state.current_weights),
                    "stage {}: the weights {} were tuned under {}", stage.name, state.current_weights,
                    set.name);
    }
  } else {
    ROPEWAY_CHECK(is_trained(start) && is_for_weights(start, state.current_weights),
                  "stage {}: the weights {} were not trained under {}, which is for {}", stage.name,
                  state.current_weights, start.name, start.weights);
    problem.trained_factors = start.factors;
    problem.trained_length = start.max_length;
    problem.trained_temperature = start.attention_temperature;
  }
  // Sets found on the same weights for shorter targets: a longer search starts from what they know.
  for (const FactorSet& set : state.sets) {
    const bool same_start = is_for_weights(set, state.current_weights) && set.history.parent == stage.from;
    if (!is_trained(set) && same_start && set.max_length < stage.search().length &&
        set.max_length > state.config.original_window) {
      problem.known_sets.push_back(set);
    }
  }
  if (stage.kind() == StageKind::kReadjust) {
    problem.readjust = true;
    problem.keep = {as_candidate(state.start_set(kOriginalRope)), as_candidate(start)};
  }
  return problem;
}

// Where weights were trained under the original RoPE in short windows, it is what a readjust has to beat.
void tell_of_trained_short_windows(const RunState& state, const StageRecipe& stage) {
  const int64_t window = state.config.original_window;
  if (stage.kind() != StageKind::kReadjust || stage.search().length > window) return;
  for (const FactorSet& set : state.sets) {
    if (set.history.short_share == 0 || !is_for_weights(set, state.current_weights)) continue;
    log_info(
        "{}: {:.3g} % of the tokens that made {} were within the window of {} under the original RoPE, "
        "which is taken there anyhow: it wins here unless a set does better",
        stage.name, 100 * set.history.short_share, set.name, format_length(window));
  }
}

// For the report. Losses are nats per token.
StageNumbers numbers_of(const SearchOutcome& outcome) {
  StageNumbers numbers{{"fitness", outcome.fitness}, {"forward_equivalents", outcome.forward_equivalents}};
  if (!outcome.ranking.finalists.empty()) {
    const Finalist& winner = outcome.ranking.finalists.front();
    numbers.insert(numbers.end(),
                   {{"mean_loss", winner.whole}, {"tail_loss", winner.tail}, {"needle_loss", winner.needle}});
  }
  const SearchVerdict& verdict = outcome.verdict;
  if (verdict.rival.empty()) return numbers;
  numbers.insert(numbers.end(), {{"gain_over_formula", verdict.gain}, {"search_pays", search_pays(verdict)}});
  if (verdict.interval) {
    numbers.insert(numbers.end(),
                   {{"gain_low_95", verdict.interval->low}, {"gain_high_95", verdict.interval->high}});
  }
  if (verdict.needle_interval) {
    numbers.insert(numbers.end(), {{"needle_gain_low_95", verdict.needle_interval->low},
                                   {"needle_gain_high_95", verdict.needle_interval->high}});
  }
  return numbers;
}

}  // namespace

StageNumbers run_search_stage(RunState& state, const StageRecipe& stage) {
  Communicator& world = state.mesh.world();
  const auto folder = state.directory.stage_folder(stage.name);
  CausalLM& model = state.model(state.current_model);
  const SearchProblem problem = make_problem(state, stage);
  const Documents& validation = state.documents("validation");
  // Only gradient steps read the training text; other searches need none.
  const bool gradient_steps = stage.search().refine == SearchRefine::kGradient;
  const Documents& train = gradient_steps ? state.documents("train") : validation;
  const SearchSequencesWanted wanted = sequences_of(stage.search(), state.config.original_window);
  const auto objective = make_model_objective(
      model, state.mesh, validation, train, *state.tokenizer,
      {.sequences = wanted,
       .seed = seed_of_stage(state.recipe.seed, stage.name),
       .fitness = stage.search().fitness,
       .needles = stage.search().needles,
       .needle_depth = stage.search().needle_depth,
       .tail_weight = problem.readjust ? 0 : kTailWeight,
       .dtype = scalar_type_of(state.recipe.dtype),
       .marks = state.marks,
       .packing = state.recipe.data.packing,
       .weights = gradient_steps ? weights_of(state.recipe.data) : std::vector<double>()});
  if (world.rank() == 0) {
    tell_of_trained_short_windows(state, stage);
    log_info("{}: {}", stage.name,
             holds_examples(validation)
                 ? describe_search_sequences(validation, state.marks, wanted)
                 : used_documents(MarkedDocuments(validation, {state.marks.before, {}}), wanted.length));
  }
  ProgressLine progress(world.rank() == 0);
  // A search that goes on replays its log: what was told of it is told again.
  state.reporter->resume_at(stage.name, 0);
  int64_t evaluations = 0;
  const auto show = [&](const SearchProgress& p) {
    if (!p.candidate.empty()) {
      state.reporter->search({.stage = stage.name,
                              .phase = p.phase,
                              .candidate = p.candidate,
                              .evaluation = ++evaluations,
                              .loss = p.loss,
                              .best = p.best,
                              .best_on = p.best_on,
                              .spent = p.spent,
                              .expected = p.expected});
    }
    const double left = state.reporter->seconds_left();
    progress.update(
        stage.name, static_cast<int64_t>(p.spent), static_cast<int64_t>(std::max(p.expected, p.spent)),
        fmt::format("{}  {}{:.0f} of at most {:.0f} forward equivalents{}", p.phase,
                    p.best_on.empty() ? "" : fmt::format("best {:.4f} on {}  ", p.best, p.best_on), p.spent,
                    p.expected, left < 0 ? "" : fmt::format("  all {}", duration_text(left))));
  };
  const int64_t compare_every = state.recipe.engine.compare_every;
  const auto stop = [&, asked = int64_t{0}]() mutable {
    if (compare_every > 0 && ++asked % compare_every == 0) {
      require_same_weights(world, state.session.parameters(), ErrorKind::kPeer, stage.name);
    }
    return any_rank(world, state.stop_requested && state.stop_requested());
  };
  const SearchOutcome outcome =
      run_search(problem, *objective, state.mesh, folder / "search.jsonl", {show, stop});
  progress.finish();
  if (compare_every > 0)
    require_same_weights(world, state.session.parameters(), ErrorKind::kPeer, stage.name);

  const auto finish = [&](FactorSet set) {
    set.weights = state.current_weights;
    set.history.stage = stage.name;
    set.history.parent = stage.from;
    set.history.recipe_sha256 = state.directory.recipe_sha256();
    set.history.data_fingerprint = objective->data_fingerprint();
    return set;
  };
  const FactorSet found = finish(to_factor_set(problem, outcome, stage.makes));
  check_factor_set(found, state.config.rotary_pairs(), state.config.num_layers, "stage " + stage.name);
  state.add_set(found);

  const std::string verdict = verdict_text(outcome.verdict, outcome.forward_equivalents);
  // The finalists are kept beside the winner: needle retrieval and mean loss do not always agree on one.
  std::vector<FactorSet> finalists;
  for (size_t i = 0; i < outcome.finalists.size(); ++i) {
    SearchOutcome one = outcome;
    one.best = outcome.finalists[i];
    finalists.push_back(
        finish(to_factor_set(problem, one, fmt::format("{}-finalist-{}", stage.makes, i + 1))));
  }
  run_on_rank(world, 0, [&] {
    write_factor_file(folder / "finalists.json", finalists);
    write_file_atomically(folder / kVerdictFile, verdict);
    write_factor_file(folder / "factors.json", {found});
  });
  if (world.rank() == 0) {
    for (const std::string& line : ranking_text(outcome.ranking)) log_info("{}: {}", stage.name, line);
    const char* fitness = stage.search().fitness == SearchFitness::kText     ? "loss"
                          : stage.search().fitness == SearchFitness::kNeedle ? "loss of answers"
                                                                             : "loss of text and answers";
    log_info("{}: {} from {}, temperature {:.4f}, {} {:.4f} on the {} ranking documents, {:.0f} passes",
             stage.name, stage.makes, outcome.best.origin, outcome.best.temperature, fitness, outcome.fitness,
             objective->num_documents(), outcome.forward_equivalents);
    log_info("{}: verdict: {}", stage.name, verdict);
  }
  return numbers_of(outcome);
}

}  // namespace ropeway
