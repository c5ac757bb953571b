// What tells one run from another, as text: what a run's folder keeps of the recipe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

struct Recipe;

struct RunIdentity {
  std::filesystem::path folder;  // where the run writes
  std::string resolved = {};     // the recipe with every key, as YAML
  // The same without the parts that may change between invocations of one run (mesh, engine, folder, token
  // cache, name of the file): results agree across them within rounding.
  std::string lasting = {};
  std::vector<std::string> stages = {};  // their names, in order
};
RunIdentity identity_of(const Recipe& recipe);

}  // namespace ropeway
