// One key of a recipe explained, found by what somebody calls it.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

struct RecipeKey;

// The keys that `word` may mean: "mesh.data", "stages.tune.steps" and "stages[1].steps" by their path, "steps" by
// its name in every section, "save_steps" by what another trainer calls it. The closest of these three ways only.
std::vector<const RecipeKey*> keys_called(const std::string& word);

// The name of a key, a section or another trainer's key that is spelt like `word`; "" where none is.
std::string nearest_key(const std::string& word);

// "mesh.data", "stages.NAME.steps".
std::string path_of(const RecipeKey& key);

// The path, the kinds of stage, the meaning, what values there are, the default and the names elsewhere; five
// lines at most.
std::string key_help(const RecipeKey& key);

}  // namespace ropeway
