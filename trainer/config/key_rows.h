// How the rows of the table of recipe keys are written. The rows of a section are in the file of its name
// (data_keys.cc); recipe_keys.cc joins them in the order of the reference.
#pragma once

#include <string_view>
#include <type_traits>
#include <vector>

#include "trainer/config/recipe_keys.h"

namespace ropeway {

constexpr double kMaxLength = 1 << 30, kMaxCount = 1e9, kMaxSize = 1e7;  // bounds of several rows

template <typename Value>
Field field_at(Value& target) {
  if constexpr (std::is_constructible_v<ChoiceField, Value*>) {
    return ChoiceField(&target);
  } else {
    return &target;
  }
}

// Bounds and the rest of a row, so that a row says only what it needs.
struct KeyRow {
  double low = 0, high = kMaxCount;
  bool required = false, above = false;
  std::string_view choices = "";  // space-separated; "": all words of the enum
  std::string_view also = "";
  bool bears_on_nothing = false;
};

RecipeKey key(std::string_view section, std::string_view name, ValueType type, Field (*field)(Recipe&),
              const KeyRow& row, std::string_view meaning);
// A key of stages, of these space-separated kinds.
RecipeKey key(std::string_view kinds, std::string_view name, ValueType type, Field (*field)(StageRecipe&),
              const KeyRow& row, std::string_view meaning);

std::vector<RecipeKey> run_keys(), data_keys(), engine_keys(), stage_keys(), train_keys(), search_keys(),
    evaluate_keys();

}  // namespace ropeway
