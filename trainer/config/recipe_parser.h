// YAML to Recipe. Strict: unknown, duplicate and mistyped keys, values out of range and impossible
// combinations are all collected, each as `file:line:column: key: found …, wanted …`, with the nearest known
// key for a misspelt one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"

namespace ropeway {

struct ParseRecipeOptions {
  std::vector<std::string>
      overrides;  // "stages[1].learning_rate=1e-5", "mesh.sequence=4", "stages.tune.steps=10"
  int ranks = 0;  // 0: unknown, mesh is not checked against it
};
struct RecipeResult {
  Recipe recipe;
  std::vector<std::string> errors;  // empty: the recipe is good
};
// Never throws for what is in the file. Throws kMissingInput when it is not there or not readable.
RecipeResult parse_recipe(const std::filesystem::path& file, const ParseRecipeOptions& options = {});

// The resolved recipe as YAML: every key with its value. Parsing it gives the same Recipe.
std::string recipe_to_yaml(const Recipe& recipe);

// Every key a recipe may hold: its type, default, range, the kinds of stage it is for, and what it means.
// Written from the same table that the parser reads.
std::string recipe_reference();

// What the model adds once it is known: factor sets that stages start from and that do not exist, head
// counts, lengths against the model's original window and its sliding one. Same message form.
struct ModelFacts {
  int64_t original_window = 0, rotary_pairs = 0;
  std::vector<std::string> existing_sets;  // of the model the recipe begins with
  int64_t sliding_window = 0;              // 0: none
};
std::vector<std::string> check_recipe_against_model(const Recipe& recipe, const ModelFacts& model);

// "4096", "4K", "256K", "2M": powers of two. Throws kUsage naming the text.
int64_t parse_length(const std::string& text);
std::string format_length(int64_t length);  // 262144 -> "256K"

// The candidate nearest to `word` by edit distance, "" when none is near.
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace ropeway
