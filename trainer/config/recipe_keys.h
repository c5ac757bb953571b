// The one table of everything a recipe may say. The parser, the suggestions for misspelt keys, the writer and
// the printed reference all read it, so they cannot disagree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "trainer/config/choices.h"
#include "trainer/config/recipe.h"

namespace ropeway {

enum class ValueType {
  kText,  // any text that is not empty
  kName,  // letters, digits, _ and -
  kFlag,  // true or false
  kInteger,
  kNumber,       // finite
  kShare,        // 1%, or 0.01; below 0: not given
  kLength,       // tokens: 4096, 4K, 256K, 2M
  kChoice,       // one word of `choices`
  kCadence,      // a number of steps, or a time: 25, 10m
  kAutoInteger,  // an integer, or `auto`, which is kept as one less than the least integer
  kTemperature,  // search, su, yarn or a number
  kTextList,
  kSourceList,  // texts, or {path: text, weight: number}; the bounds are those of the weight
  kNameList,
  kFactorList,  // names, and stretched:NAME
  kChoiceList,
  kAllOrChoiceList,  // the same, or `true` for all of them
  kLengthList,
};

// Where the value goes.
using Field =
    std::variant<bool*, int*, int64_t*, uint64_t*, double*, Cadence*, ChoiceField, TemperatureChoice*,
                 std::string*, std::vector<std::string>*, std::vector<int64_t>*, std::vector<TextSource>*>;

struct RecipeKey {
  std::string_view section;  // "", "model", "model.architecture", "data", "mesh", "engine", "stages"
  std::string_view name;
  ValueType type;
  Field (*in_recipe)(Recipe&);      // for all sections but "stages"
  Field (*in_stage)(StageRecipe&);  // for "stages"
  std::string_view stage_kinds;     // space-separated; empty outside stages
  bool required;
  double low, high;                  // of numbers, lengths and the elements of lists of lengths
  bool above;                        // the number must be above `low`, not only reach it
  std::vector<std::string> choices;  // of the enum's words, those this key takes
  std::string_view also;             // what other trainers call it; space-separated
  std::string_view meaning;          // one line
  bool bears_on_nothing;             // no result depends on it: how often is saved, how much is kept
};

const std::vector<RecipeKey>& recipe_keys();

// The sections in the order they are written; "" first. "stages" is a list, the others are maps.
const std::vector<std::string>& recipe_sections();

// What `auto` is kept as, of a kAutoInteger.
template <typename Integer>
std::optional<Integer> automatic_value(const RecipeKey& key) {
  if (key.type != ValueType::kAutoInteger) return std::nullopt;
  return static_cast<Integer>(key.low) - 1;
}

Field field_of(const RecipeKey& key, Recipe& recipe, StageRecipe* stage);
bool is_for(const RecipeKey& key, StageKind kind);  // true outside stages
StageKind first_kind_of(const RecipeKey& key);      // of a key of stages

const std::vector<StageKind>& stage_kinds();
std::vector<std::string> split_words(std::string_view words);  // at spaces

}  // namespace ropeway
