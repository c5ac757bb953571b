// The order of stages: which factor sets exist when a stage begins, which weights they are for, and which
// lengths may follow which. Decided here alone: of a recipe by itself as far as that goes, and again once its
// model is known.
//
//   search     starts from the set that the weights at that point were trained under: that of the newest
//              fine-tune, or one that the model's own config.json describes; from none while no fine-tune
//              has left the original RoPE behind. Longer than that set, or than the original window; not
//              shorter than any search or fine-tune before it.
//   readjust   the same start; not longer than the set it starts from. From none as well while the weights
//              know the original RoPE within their window: before any fine-tune, and after one that mixed short
//              windows under it into its steps.
//   finetune   starts from any set, and is not longer than it. It may be shorter, as when LongRoPE tunes
//              Mistral's 128K and 256K factors on sequences of 16K; the sets of fine-tunes do not get
//              shorter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

// A factor set that a model has before the first stage.
struct SetToStartFrom {
  std::string name;
  int64_t length = 0;           // tokens it is for; 0: unknown
  bool trained = true;          // the model's weights were trained under it
  bool tuned = false;           // by a fine-tune
  bool keeps_original = false;  // which had short windows under the original RoPE as well
  int64_t original_window = 0;  // that it stretches; 0: unknown
};

struct ChainStart {
  int64_t original_window = 0;  // 0: unknown
  bool model_is_known = false;  // with its sets; until then it may have any that a config.json can describe
  std::vector<SetToStartFrom> sets = {};
};
void check_stage_chain(const Recipe& recipe, const ChainStart& start, RecipeProblems& problems);

}  // namespace ropeway
