#include "trainer/stages/wanted_stages.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/stages/stage_inputs.h"

namespace ropeway {
namespace {

bool is_one_of(std::string_view word, std::string_view words) {
  return std::ranges::any_of(split_words(words), [&](const std::string& other) { return other == word; });
}

// Keys of a search that its result depends on only where it works in a certain way (search_identity.cc).
bool is_in_use(const SearchRecipe& search, std::string_view key) {
  constexpr std::string_view kEvolution =
      "population mutations crossovers parents iterations max_crossover_tries mutation_probability step";
  constexpr std::string_view kGradient =
      "gradient_steps check_every factor_learning_rate temperature_learning_rate";
  if (is_one_of(key, kEvolution)) return search.refine == SearchRefine::kEvolution;
  if (is_one_of(key, kGradient)) return search.refine == SearchRefine::kGradient;
  if (is_one_of(key, "beta_fast beta_slow")) return search.seeds == SearchSeeds::kPaper;
  if (is_one_of(key, "needles needle_depth")) return search.fitness != SearchFitness::kText;
  if (key == "seed_grid") return search.seeds == SearchSeeds::kFamilies;
  return true;
}

bool is_option(const RecipeKey& key, const StageRecipe& stage) {
  if (key.section != "stages" || !is_for(key, stage.kind())) return false;
  if (key.bears_on_nothing || key.name == "name") return false;
  // Files, which count by their content.
  if (is_one_of(key.name, "requests ruler_questions ruler_questions_2")) return false;
  return !is_searching(stage.kind()) || is_in_use(stage.search(), key.name);
}

bool reads_train_text(const StageRecipe& stage) {
  if (is_training(stage.kind())) return true;
  return is_searching(stage.kind()) && stage.search().refine == SearchRefine::kGradient;
}

bool is_recipe_key(const RecipeKey& key, const Recipe& recipe, const StageRecipe& stage) {
  if (key.section == "") return is_one_of(key.name, "seed device dtype");
  if (key.section == "model") return is_one_of(key.name, "sliding_window original_window");
  if (key.section == "model.architecture") return recipe.model.has_architecture;
  if (key.section != "data") return false;
  if (is_one_of(key.name, "bos eos chat_template special_tokens")) return true;
  if (key.name == "packing") return reads_train_text(stage);
  return key.name == "document_mask" && is_training(stage.kind());
}

std::string path_of(const RecipeKey& key) {
  return key.section.empty() || key.section == "stages" ? std::string(key.name)
                                                        : fmt::format("{}.{}", key.section, key.name);
}

class Wanted {
 public:
  Wanted(const Recipe& recipe, const RunContents& contents) : recipe_(recipe), contents_(contents) {}

  WantedStage stage(size_t index) {
    StageRecipe& stage = recipe_.stages[index];
    identity_ = {};
    for (const RecipeKey& key : recipe_keys()) {
      const bool option = is_option(key, stage);
      if (!option && !is_recipe_key(key, recipe_, stage)) continue;
      const std::string value = value_text(key, recipe_, &stage);
      identity_.parts.push_back({option ? IdentityKind::kOption : IdentityKind::kRecipe, path_of(key), value,
                                 !key.required && value == default_text(key)});
    }
    add_model(works_on_base_weights(recipe_, index));
    add(IdentityKind::kTokenizer, contents_.tokenizer);
    for (const IdentityKind text : texts_of(stage)) {
      const auto found = contents_.texts.find(text);
      add(text, found == contents_.texts.end() ? std::vector<IdentityPart>{} : found->second);
    }
    add_files(stage);
    identity_.inputs = inputs_of_stage(recipe_, index, contents_.window);
    return {.name = stage.name, .kind = stage.kind(), .identity = identity_};
  }

 private:
  void add(IdentityKind kind, const std::vector<IdentityPart>& parts) {
    if (parts.empty()) identity_.unknown.push_back(kind);
    identity_.parts.insert(identity_.parts.end(), parts.begin(), parts.end());
  }

  void add_model(bool with_weights) {
    if (!contents_.has_model_files) return;
    std::vector<IdentityPart> parts = contents_.model;
    if (with_weights && contents_.weights.empty()) parts.clear();
    if (with_weights && !parts.empty()) {
      parts.push_back({IdentityKind::kModel, kWeightsInput, contents_.weights});
    }
    add(IdentityKind::kModel, parts);
  }

  void add_files(const StageRecipe& stage) {
    std::vector<IdentityPart> parts;
    for (const std::string& path : files_of(stage)) {
      const auto found = contents_.files.find(path);
      if (found == contents_.files.end() || found->second.empty()) {
        identity_.unknown.push_back(IdentityKind::kFile);
        return;
      }
      parts.push_back(
          {IdentityKind::kFile,
           fmt::format("{} {}", parts.size() + 1, std::filesystem::path(path).filename().string()),
           found->second});
    }
    if (!parts.empty()) add(IdentityKind::kFile, parts);
  }

  Recipe recipe_;  // a copy: keys reach their values through pointers to what may be written
  const RunContents& contents_;
  StageIdentity identity_;
};

}  // namespace

std::vector<WantedStage> wanted_stages(const Recipe& recipe, const RunContents& contents) {
  Wanted wanted(recipe, contents);
  std::vector<WantedStage> stages;
  for (size_t i = 0; i < recipe.stages.size(); ++i) stages.push_back(wanted.stage(i));
  return stages;
}

std::vector<IdentityKind> texts_of(const StageRecipe& stage) {
  std::vector<IdentityKind> texts;
  if (reads_train_text(stage)) texts.push_back(IdentityKind::kTrainText);
  if (is_searching(stage.kind())) texts.push_back(IdentityKind::kValidationText);
  if (stage.kind() == StageKind::kEvaluate) texts.push_back(IdentityKind::kTestText);
  return texts;
}

std::vector<std::string> files_of(const StageRecipe& stage) {
  if (stage.kind() != StageKind::kEvaluate) return {};
  const BenchmarkRecipe& benchmarks = stage.evaluate().benchmarks;
  std::vector<std::string> files = benchmarks.requests;
  for (const std::string& file : {benchmarks.ruler_questions, benchmarks.ruler_questions_2}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

}  // namespace ropeway
