// A recipe against the model it is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/config/stage_chain.h"

namespace ropeway {

// What the model adds once it is known: factor sets that stages start from and that do not exist or that no
// weights were trained under, head counts, lengths against the model's original window, its sets and its
// sliding window, and what GPUs cannot compute for it. Same message form.
struct ModelFacts {
  int64_t original_window = 0, rotary_pairs = 0;
  std::vector<SetToStartFrom> existing_sets;  // of the model the recipe begins with
  int64_t sliding_window = 0;                 // that nobody has said what to do beyond; 0: none
  int64_t honoured_window = 0;                // that sliding layers attend through; 0: none
  int64_t query_heads = 0, key_heads = 0;     // 0: not looked at
};
std::vector<std::string> check_recipe_against_model(const Recipe& recipe, const ModelFacts& model);

}  // namespace ropeway
