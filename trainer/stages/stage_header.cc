#include "trainer/stages/stage_header.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/report/duration_text.h"

namespace ropeway {
namespace {

std::string training_text(const StageRecipe& stage) {
  const TrainRecipe& train = stage.train();
  const std::string work = fmt::format(
      "{} steps of {} x {}, {} tokens", train.steps, train.batch_sequences, format_length(train.length),
      format_count(static_cast<double>(train.steps * train.batch_sequences * train.length)));
  if (stage.kind() == StageKind::kPretrain) return fmt::format("a model from nothing; {}", work);
  return fmt::format("from {} to {}, so that the weights fit its factors; {}", stage.from, stage.makes, work);
}

std::string search_text(const StageRecipe& stage) {
  const SearchRecipe& search = stage.search();
  const char* why = stage.kind() == StageKind::kReadjust ? "so that short inputs lose little"
                                                         : "factors under which the model reads so far";
  const std::string fitness = search.fitness == SearchFitness::kText
                                  ? std::string()
                                  : fmt::format(", fitness {}", word_of(search.fitness));
  return fmt::format("from {} to {} for {}, {}; seeds {}, refine {}{}, {} document{} and {} held out",
                     stage.from, stage.makes, format_length(search.length), why, word_of(search.seeds),
                     word_of(search.refine), fitness, search.documents, search.documents == 1 ? "" : "s",
                     search.finalist_documents);
}

std::string evaluation_text(const StageRecipe& stage) {
  const EvaluateRecipe& evaluate = stage.evaluate();
  std::vector<std::string> tasks, lengths;
  for (const EvaluateTask task : evaluate.tasks) tasks.emplace_back(word_of(task));
  for (const int64_t length : evaluate.lengths) lengths.push_back(format_length(length));
  std::string text = fmt::format("{} at {} under {}", fmt::join(tasks, ", "), fmt::join(lengths, ", "),
                                 fmt::join(evaluate.factors, ", "));
  if (!evaluate.controls.empty()) text += fmt::format("; {} controls", evaluate.controls.size());
  return text;
}

}  // namespace

std::string stage_header(const Recipe& recipe, const StageRecipe& stage, int ranks) {
  const auto place =
      std::ranges::find(recipe.stages, stage.name, &StageRecipe::name) - recipe.stages.begin() + 1;
  const std::string text = is_training(stage.kind())    ? training_text(stage)
                           : is_searching(stage.kind()) ? search_text(stage)
                                                        : evaluation_text(stage);
  return fmt::format("stage {} ({}) on {} rank(s): {} of {}; {}", stage.name, word_of(stage.kind()), ranks,
                     place, recipe.stages.size(), text);
}

std::string times_ahead(double stage_seconds, double run_seconds) {
  if (stage_seconds < 0 || run_seconds < 0) return "";
  return fmt::format("; about {}, and {} until the run is over", duration_text(stage_seconds),
                     duration_text(run_seconds));
}

}  // namespace ropeway
