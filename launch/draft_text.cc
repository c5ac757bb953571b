#include "launch/draft_text.h"

#include <fmt/format.h>

#include "launch/plan_text.h"
#include "trainer/config/lengths.h"
#include "trainer/plan/memory_model.h"
#include "trainer/stages/draft_recipe.h"

namespace ropeway {
namespace {

std::string or_unknown(double seconds) {
  return seconds > 0 ? seconds_text(seconds) : "a time that no rate is known for";
}

std::string head(const RecipeDraft& draft, const DraftRequest& request) {
  const DeviceRates& device = request.settings.device;
  return fmt::format(
      "# {} ({} parameters) from {} to {} tokens on {} x {}, as ropeway new drafted it: a start to change.\n"
      "# Planned: {} in all, {} per rank at most (ropeway plan THIS_FILE --gpus {} --gpu {}).\n"
      "version: 1\nname: {}\ndevice: {}\ndtype: {}\n\n",
      request.model_path, format_count(static_cast<double>(request.config.num_parameters())),
      format_length(request.config.original_window), format_length(request.target), request.ranks,
      device.name, or_unknown(draft.totals.seconds), bytes_text(draft.totals.memory), request.ranks,
      device.name, draft.recipe.name, word_of(draft.recipe.device), word_of(draft.recipe.dtype));
}

std::string model_and_data(const RecipeDraft& draft, const DraftRequest& request) {
  std::string text = fmt::format("model:\n  path: {}\n", request.model_path);
  if (draft.recipe.model.sliding_window == SlidingWindowPolicy::kFull) {
    text += fmt::format(
        "  sliding_window: full  # the model's window of {} is given up, as LongRoPE does with Mistral\n",
        format_length(request.config.sliding_window));
  }
  const TrainRecipe& train = draft.recipe.stages[1].train();
  const SearchRecipe search;
  text += fmt::format(
      "\n# Put your texts here: paths, * in the file name.\n"
      "data:\n"
      "  train: [data/train/*.txt]            # joined and cut; {} tokens are read\n"
      "  validation: [data/validation/*.txt]  # a search wants {} windows of {} tokens, each within a "
      "document\n"
      "  test: [data/test/*.txt]              # at least one document of {} tokens\n\n",
      format_count(static_cast<double>(train.steps * train.batch_sequences * train.length)),
      search.documents + search.finalist_documents, format_length(request.target),
      format_length(request.target));
  return text;
}

std::string mesh(const RecipeDraft& draft) {
  const MeshRecipe& mesh = draft.recipe.mesh;
  return fmt::format(
      "# The quickest of the {} ways to share {} ranks out that fit, of {} there are.\n"
      "mesh:\n  data: {}      # sequences at a time\n  sequence: {}  # ranks per sequence: {} tokens "
      "each\n{}\n",
      draft.meshes_that_fit, mesh.data * mesh.sequence, draft.meshes, mesh.data, mesh.sequence,
      format_length(draft.tuned_length / mesh.sequence),
      mesh.heads > 0
          ? fmt::format("  heads: {}     # of them, ranks that share attention's heads\n", mesh.heads)
          : "");
}

std::string searching(const StageRecipe& stage, const std::string& why) {
  std::string text = fmt::format(
      "  # {}\n  - name: {}\n    kind: {}\n    from: {}\n    makes: {}\n    length: {}\n", why, stage.name,
      word_of(stage.kind()), stage.from, stage.makes, format_length(stage.search().length));
  if (stage.search().refine != SearchRecipe{}.refine) {
    text += fmt::format("    refine: {}\n", word_of(stage.search().refine));
  }
  return text + "\n";
}

std::string why_first(const RecipeDraft& draft) {
  const bool by_gradient = draft.recipe.stages[0].search().refine == SearchRefine::kGradient;
  if (by_gradient) {
    return fmt::format("Closed forms, then gradient steps on the factors: {} for all searches.",
                       or_unknown(draft.search_seconds));
  }
  return fmt::format("Closed forms only: {} for all searches; gradient steps would make it {}.",
                     or_unknown(draft.search_seconds), or_unknown(draft.gradient_seconds));
}

std::string tuning(const RecipeDraft& draft, const DraftRequest& request) {
  const StageRecipe& stage = draft.recipe.stages[1];
  const TrainRecipe& train = stage.train();
  std::string why = fmt::format(
      "  {}# {} tokens per step, as many steps as the paper makes at 128K.\n",
      draft.wanted_length > draft.tuned_length
          ? fmt::format("# Sequences of {} do not fit, these do.\n  ", format_length(draft.wanted_length))
      : request.target > draft.tuned_length
          ? "# The paper tunes at 256K at most, and searches on from there.\n  "
          : "",
      format_count(static_cast<double>(train.batch_sequences * train.length)));
  const std::string save =
      draft.seconds_per_step > 0
          ? fmt::format("about {}",
                        seconds_text(draft.seconds_per_step * static_cast<double>(draft.checkpoint_every)))
          : "no rate is known";
  return why +
         fmt::format(
             "  - name: {}\n    kind: finetune\n    from: {}\n    makes: {}\n    length: {}\n"
             "    batch_sequences: {}\n    steps: {}  # of {}\n    learning_rate: {}\n    warmup_steps: {}\n"
             "    checkpoint_every: {}  # {}\n\n",
             stage.name, stage.from, stage.makes, format_length(train.length), train.batch_sequences,
             train.steps,
             draft.seconds_per_step > 0 ? seconds_text(draft.seconds_per_step)
                                        : "a time that no rate is known for",
             train.learning_rate, train.warmup_steps, draft.checkpoint_every, save);
}

}  // namespace

std::string draft_text(const RecipeDraft& draft, const DraftRequest& request) {
  std::string text = head(draft, request) + model_and_data(draft, request) + mesh(draft) + "stages:\n";
  for (const StageRecipe& stage : draft.recipe.stages) {
    if (is_training(stage.kind())) {
      text += tuning(draft, request);
    } else if (stage.kind() == StageKind::kReadjust) {
      text += searching(
          stage, "Factors for inputs within the original window, which the long ones serve less well.");
    } else if (stage.kind() == StageKind::kSearch) {
      text += searching(stage, &stage == &draft.recipe.stages.front()
                                   ? why_first(draft)
                                   : "On the tuned model for the target, without training at it.");
    } else {
      std::vector<std::string> lengths;
      for (const int64_t length : stage.evaluate().lengths) lengths.push_back(format_length(length));
      text += fmt::format(
          "  - name: {}\n    kind: evaluate\n    lengths: [{}]\n    factors: [auto]\n    windows: {}\n",
          stage.name, fmt::join(lengths, ", "), stage.evaluate().windows);
    }
  }
  return text;
}

}  // namespace ropeway
