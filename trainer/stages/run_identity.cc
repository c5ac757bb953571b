#include "trainer/stages/run_identity.h"

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {

RunIdentity identity_of(const Recipe& recipe) {
  Recipe lasting = recipe;
  lasting.mesh = {};
  lasting.engine = {};
  lasting.run_dir.clear();
  lasting.data.cache = DataRecipe{}.cache;
  lasting.source_file.clear();
  for (StageRecipe& stage : lasting.stages) stage.line = 0;

  RunIdentity identity{
      .folder = recipe.run_dir, .resolved = recipe_to_yaml(recipe), .lasting = recipe_to_yaml(lasting)};
  for (const StageRecipe& stage : recipe.stages) identity.stages.push_back(stage.name);
  return identity;
}

}  // namespace ropeway
