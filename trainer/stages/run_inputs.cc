#include "trainer/stages/run_inputs.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/recipe.h"
#include "trainer/data/windows.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weights_name.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/recipe_model.h"
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
    inputs.tokenizer = load_tokenizer(inputs.base_model);
  }
  if (recipe.data.special_tokens == SpecialTokensInText::kParse) {
    inputs.tokenizer = reading_special_tokens(std::move(inputs.tokenizer));
  }
  const auto errors = errors_against_model(recipe, {inputs.config, inputs.sets, inputs.weights});
  if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
  require_tokenizer_fits(*inputs.tokenizer, inputs.config.vocab_size,
                         recipe.model.has_architecture ? "model.architecture" : inputs.base_model.string());
}

void check_search_texts(const StageRecipe& stage, const Documents& validation, const Documents* train) {
  const int64_t wanted = stage.search().documents + stage.search().finalist_documents;
  const auto found =
      static_cast<int64_t>(whole_document_windows(validation, stage.search().length, wanted).size());
  if (found < wanted) {
    fail(ErrorKind::kBadData,
         "stage {}: the validation text has {} disjoint windows of {} tokens ({} documents, {} tokens in "
         "all), wanted {}; give a longer text, a shorter length or fewer documents",
         stage.name, found, stage.search().length, validation.count(), validation.total_tokens(), wanted);
  }
  if (train != nullptr) require_document_of(*train, stage.search().length, "stage " + stage.name);
}

class Texts {
 public:
  Texts(const Recipe& recipe, Communicator& world, RunInputs& inputs)
      : recipe_(recipe), world_(world), inputs_(inputs) {}

  void check(const StageRecipe& stage) {
    switch (stage.kind()) {
      case StageKind::kPretrain:
      case StageKind::kFinetune:
        require_document_of(train(), stage.train().length, "stage " + stage.name);
        WindowSampler(train(), *inputs_.tokenizer,
                      {.length = stage.train().length, .passkey_fraction = stage.train().passkey_fraction});
        return;
      case StageKind::kSearch:
      case StageKind::kReadjust:
        check_search_texts(stage, load("validation", recipe_.data.validation),
                           stage.search().refine == SearchRefine::kGradient ? &train() : nullptr);
        return;
      case StageKind::kEvaluate:
        const auto& lengths = stage.evaluate().lengths;
        require_document_of(load("test", recipe_.data.test),
                            *std::max_element(lengths.begin(), lengths.end()), "stage " + stage.name);
        return;
    }
  }

 private:
  const Documents& train() { return load("train", recipe_.data.train); }

  const Documents& load(const std::string& split, const std::vector<std::string>& patterns) {
    const auto known = inputs_.documents.find(split);
    if (known != inputs_.documents.end()) return known->second;
    return inputs_.documents
        .emplace(split, load_documents(world_, patterns, *inputs_.tokenizer, recipe_.data.cache,
                                       {.max_document_bytes = recipe_.data.max_document,
                                        .vocab_size = inputs_.config.vocab_size}))
        .first->second;
  }

  const Recipe& recipe_;
  Communicator& world_;
  RunInputs& inputs_;
};

}  // namespace

RunInputs open_run_inputs(const Recipe& recipe, Communicator& world,
                          const std::vector<const StageRecipe*>& stages) {
  RunInputs inputs;
  open_model(recipe, inputs);
  Texts texts(recipe, world, inputs);
  for (const StageRecipe* stage : stages) texts.check(*stage);
  return inputs;
}

}  // namespace ropeway
