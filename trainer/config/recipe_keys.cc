#include "trainer/config/recipe_keys.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/key_rows.h"

namespace ropeway {

const std::vector<RecipeKey>& recipe_keys() {
  static const std::vector<RecipeKey> keys = [] {
    std::vector<RecipeKey> all;
    for (const auto rows :
         {run_keys, data_keys, engine_keys, stage_keys, train_keys, search_keys, evaluate_keys}) {
      std::ranges::move(rows(), std::back_inserter(all));
    }
    return all;
  }();
  return keys;
}

const std::vector<std::string>& recipe_sections() {
  static const std::vector<std::string> sections = {"",       "model", "model.architecture", "data", "mesh",
                                                    "engine", "stages"};
  return sections;
}

Field field_of(const RecipeKey& key, Recipe& recipe, StageRecipe* stage) {
  if (key.in_recipe != nullptr) return key.in_recipe(recipe);
  ROPEWAY_CHECK(stage != nullptr, "key {} without a stage", key.name);
  return key.in_stage(*stage);
}

const std::vector<StageKind>& stage_kinds() {
  static const std::vector<StageKind> kinds = {StageKind::kPretrain, StageKind::kSearch, StageKind::kFinetune,
                                               StageKind::kReadjust, StageKind::kEvaluate};
  return kinds;
}

StageKind first_kind_of(const RecipeKey& key) {
  return value_of<StageKind>(split_words(key.stage_kinds).front()).value();
}

bool is_for(const RecipeKey& key, StageKind kind) {
  if (key.section != "stages") return true;
  for (const std::string& word : split_words(key.stage_kinds)) {
    if (word == word_of(kind)) return true;
  }
  return false;
}

std::vector<std::string> split_words(std::string_view words) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < words.size();) {
    const size_t end = std::min(words.find(' ', begin), words.size());
    if (end > begin) out.emplace_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace ropeway
