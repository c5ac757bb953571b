// The identities that the stages of a recipe are to have, from the recipe and the content of what it names.
// The one place that decides what a result depends on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/stages/stage_identity.h"

namespace ropeway {

// What the files that a recipe names hold. What is not there is unknown and not compared.
struct RunContents {
  int64_t window = 0;                                            // the model's original one
  bool has_model_files = false;                                  // false: made from model.architecture
  std::vector<IdentityPart> model = {};                          // its small files; empty: unknown
  std::string weights = {};                                      // SHA-256; empty: unknown
  std::vector<IdentityPart> tokenizer = {};                      // empty: unknown
  std::map<IdentityKind, std::vector<IdentityPart>> texts = {};  // by kind of text; absent: unknown
  std::map<std::string, std::string> files = {};                 // SHA-256 by path; empty: unknown
};

struct WantedStage {
  std::string name;
  StageKind kind = StageKind::kEvaluate;
  StageIdentity identity = {};  // its inputs without what was made
};
std::vector<WantedStage> wanted_stages(const Recipe& recipe, const RunContents& contents);

// The kinds of text that a stage reads.
std::vector<IdentityKind> texts_of(const StageRecipe& stage);
// The files that an evaluate stage's options name, in their order.
std::vector<std::string> files_of(const StageRecipe& stage);

}  // namespace ropeway
