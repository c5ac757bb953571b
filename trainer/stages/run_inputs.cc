#include "trainer/stages/run_inputs.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "kernels/base/error.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/config/recipe.h"
#include "trainer/data/gradient_windows.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/passkey.h"
#include "trainer/data/windows.h"
#include "trainer/evaluate/text_needs.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weights_name.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/tasks/needle_document.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/reading_special_tokens.h"

namespace ropeway {
namespace {

// Sets without a name of weights are for those they lie with, and training is about to make others.
std::vector<FactorSet> named(std::vector<FactorSet> sets, const std::string& weights) {
  for (FactorSet& set : sets) {
    if (set.weights.empty()) set.weights = weights;
  }
  return sets;
}

void open_model(const Recipe& recipe, RunInputs& inputs) {
  if (recipe.model.has_architecture) {
    inputs.config = config_of(recipe.model.architecture);
    inputs.tokenizer = make_byte_tokenizer();
  } else {
    inputs.base_model = recipe.model.path;
    ModelDir dir = open_model_dir(inputs.base_model);
    inputs.config = dir.config;
    apply_recipe(recipe.model, inputs.config);
    inputs.weights = name_of_weights(dir);
    inputs.sets = named(std::move(dir.sets), inputs.weights);
    for (const SafetensorsFile& shard : dir.shards) inputs.weight_files.push_back(shard.path());
    inputs.tokenizer = load_tokenizer(inputs.base_model);
    inputs.named = named_tokens(inputs.base_model, *inputs.tokenizer,
                                {dir.config.bos_token_id, dir.config.eos_token_id});
  }
  if (recipe.data.special_tokens == SpecialTokensInText::kParse) {
    inputs.tokenizer = reading_special_tokens(std::move(inputs.tokenizer));
  }
  const auto errors = errors_against_model(recipe, {inputs.config, inputs.sets, inputs.weights});
  if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
  require_tokenizer_fits(*inputs.tokenizer, inputs.config.vocab_size,
                         recipe.model.has_architecture ? "model.architecture" : inputs.base_model.string());
  inputs.chat =
      chat_template_of(inputs.base_model, recipe.data.chat_template, *inputs.tokenizer, inputs.named);
  inputs.marks = document_marks(*inputs.tokenizer, inputs.named, {recipe.data.bos, recipe.data.eos});
}

// What `work` refuses, with the stage named.
void naming(const StageRecipe& stage, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("stage {}: {}", stage.name, error.what()), error.way_out());
  }
}

class Texts {
 public:
  Texts(const Recipe& recipe, Communicator& world, RunInputs& inputs)
      : recipe_(recipe), world_(world), inputs_(inputs) {}

  void check(const StageRecipe& stage) {
    if (is_training(stage.kind())) {
      const Documents& text = train();
      naming(stage, [&] {
        WindowSampler(text, *inputs_.tokenizer,
                      window_options(recipe_, stage, inputs_.marks, inputs_.config.original_window));
      });
    } else if (is_searching(stage.kind())) {
      const bool by_gradient = stage.search().refine == SearchRefine::kGradient;
      const Documents& validation = load("validation", recipe_.data.validation);
      const Documents* const text = by_gradient ? &train() : nullptr;
      const auto wanted = sequences_of(stage.search(), inputs_.config.original_window);
      naming(stage, [&] {
        require_search_texts(recipe_.data, wanted, validation, text, inputs_.marks);
        if (stage.search().fitness != SearchFitness::kText) {
          require_texts(validation, "a search by needles");
          require_room_for_needle(*inputs_.tokenizer,
                                  {.length = wanted.length, .start = inputs_.marks.before});
        }
      });
    } else {
      const Documents& test = load("test", recipe_.data.test);
      naming(stage, [&] {
        const auto start = window_start(recipe_, stage, *inputs_.tokenizer, inputs_.named);
        require_evaluation_texts(stage.evaluate(), test, {start, inputs_.marks.after});
        if (stage.evaluate().measures(EvaluateTask::kPasskey)) {
          require_room_for_passkey(stage.evaluate().lengths, static_cast<int64_t>(start.size()));
        }
      });
    }
  }

 private:
  void require_room_for_passkey(const std::vector<int64_t>& lengths, int64_t start) const {
    for (const int64_t length : lengths) {
      if (passkey_fits(*inputs_.tokenizer, length - start)) continue;
      fail(ErrorKind::kConfig, "length {} is too short for the passkey's needle and question", length);
    }
  }

  const Documents& train() {
    std::vector<std::string> patterns;
    for (const TextSource& source : recipe_.data.train) patterns.push_back(source.path);
    return load("train", patterns);
  }

  const Documents& load(const std::string& split, const std::vector<std::string>& patterns) {
    const auto known = inputs_.documents.find(split);
    if (known != inputs_.documents.end()) return known->second;
    return inputs_.documents
        .emplace(split, load_documents(world_, patterns, *inputs_.tokenizer, recipe_.data.cache,
                                       {.max_document_bytes = recipe_.data.max_document,
                                        .vocab_size = inputs_.config.vocab_size},
                                       inputs_.chat))
        .first->second;
  }

  const Recipe& recipe_;
  Communicator& world_;
  RunInputs& inputs_;
};

}  // namespace

std::vector<double> weights_of(const DataRecipe& data) {
  std::vector<double> weights;
  for (const TextSource& source : data.train) weights.push_back(source.weight);
  return weights;
}

SearchSequencesWanted sequences_of(const SearchRecipe& search, int64_t original_window) {
  return {.length = search.length,
          .ranking = search.documents,
          .finalists = search.finalist_documents,
          .beyond = search.length > original_window ? original_window : 0};
}

void require_search_texts(const DataRecipe& data, const SearchSequencesWanted& wanted,
                          const Documents& validation, const Documents* train, const DocumentMarks& marks) {
  require_search_sequences(validation, marks, wanted);
  if (train == nullptr) return;
  GradientWindows(*train, {.length = wanted.length,
                           .packing = data.packing,
                           .marks = marks,
                           .weights = weights_of(data),
                           .of_examples = holds_examples(validation)});
}

void require_evaluation_texts(const EvaluateRecipe& evaluate, const Documents& test,
                              const DocumentMarks& marks) {
  const TextTasks tasks = text_tasks(evaluate);
  require_whole_texts(test, tasks);
  if (!reads_windows(tasks)) return;
  const bool of_examples = holds_examples(test);
  const MarkedDocuments framed(test, of_examples ? marks : DocumentMarks{marks.before, {}});
  for (const int64_t length : evaluate.lengths) require_scored(framed, length, "the test text");
  if (!of_examples) require_scored(framed, evaluate.longest(), "the test text");
}

WindowOptions window_options(const Recipe& recipe, const StageRecipe& stage, const DocumentMarks& marks,
                             int64_t original_window) {
  const TrainRecipe& train = stage.train();
  return {.length = train.length,
          .seed = recipe.seed,
          .stage = stage.name,
          .packing = recipe.data.packing,
          .mask = recipe.data.document_mask,
          .marks = marks,
          .weights = weights_of(recipe.data),
          .passkey_fraction = train.passkey_fraction,
          .passkey_answer_weight = train.passkey_answer_weight,
          .short_share = train.short_share,
          .short_length = original_window,
          .skip = {.target = train.skip_target,
                   .chunks = train.skip_chunks,
                   .growing_windows = std::llround(
                       train.skip_growth * static_cast<double>(train.steps * train.batch_sequences))}};
}

std::vector<int32_t> window_start(const Recipe& recipe, const StageRecipe& stage, const Tokenizer& tokenizer,
                                  const NamedTokens& named) {
  const MarkChoice own = stage.evaluate().bos;
  return window_start(tokenizer, named, own == MarkChoice::kAuto ? recipe.data.bos : own);
}

RunInputs open_run_model(const Recipe& recipe) {
  RunInputs inputs;
  open_model(recipe, inputs);
  return inputs;
}

RunInputs open_run_model(const Recipe& recipe, Communicator& world) {
  std::optional<RunInputs> inputs;
  run_on_rank(world, 0, [&] { inputs = open_run_model(recipe); });
  return inputs ? std::move(*inputs) : open_run_model(recipe);
}

void open_run_texts(const Recipe& recipe, Communicator& world, const std::vector<const StageRecipe*>& stages,
                    RunInputs& inputs) {
  Texts texts(recipe, world, inputs);
  for (const StageRecipe* stage : stages) texts.check(*stage);
}

RunInputs open_run_inputs(const Recipe& recipe, Communicator& world,
                          const std::vector<const StageRecipe*>& stages) {
  RunInputs inputs = open_run_model(recipe, world);
  open_run_texts(recipe, world, stages, inputs);
  return inputs;
}

}  // namespace ropeway
