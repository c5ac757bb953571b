#include "trainer/stages/run_benchmarks.h"

#include "trainer/benchmarks/generation.h"
#include "trainer/benchmarks/ruler_summary.h"
#include "trainer/stages/longppl_evaluator.h"

namespace ropeway {

void run_benchmarks(RunState& state, const StageRecipe& stage, BenchmarkSet& set,
                    const StageBenchmarks& benchmarks) {
  Communicator& world = state.mesh.world();
  const BenchmarkInputs inputs{
      .tokenizer = *state.tokenizer,
      .vocab_size = state.config.vocab_size,
      .start = benchmarks.start,
      .prefix = prefix_of(state.named),
      .documents = &state.documents("test"),
      .chat =
          chat_template_of(state.base_model, state.recipe.data.chat_template, *state.tokenizer, state.named),
      .seed = state.recipe.seed,
      .generate =
          generation_under({benchmarks.model, state.mesh, state.base_model, state.named, state.config}),
      .find_keys = longppl_evaluator({.model = stage.evaluate().benchmarks.longppl_evaluator,
                                      .mesh = state.mesh,
                                      .placement = state.recipe.mesh.placement,
                                      .gpus = state.gpus,
                                      .dtype = state.recipe.dtype,
                                      .tokenizer = *state.tokenizer}),
      .evaluator = stage.evaluate().benchmarks.longppl_evaluator};
  KeptEntries kept(state.directory.stage_folder(stage.name) / "benchmarks.json", world,
                   {.format = "ropeway-benchmarks", .version = 1});
  const auto report = [&](const BenchmarkFigures& figures) {
    state.reporter->benchmark({.stage = stage.name,
                               .model = benchmarks.model_name,
                               .benchmark = word_of(figures.label.kind),
                               .task = figures.label.task,
                               .factors = figures.label.factors,
                               .length = figures.label.length,
                               .numbers = figures.numbers});
  };
  const auto figures = evaluate_benchmarks(benchmarks.model, state.mesh,
                                           set.cells(inputs, benchmarks.at_window, benchmarks.at),
                                           {.walk = benchmarks.walk, .finished = report, .kept = &kept});
  for (const BenchmarkFigures& row : ruler_summary(figures)) report(row);
}

}  // namespace ropeway
