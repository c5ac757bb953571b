#include "trainer/config/recipe_origins.h"

#include <fmt/format.h>

#include "trainer/config/recipe.h"

namespace ropeway {

std::string origin_of(const Recipe& recipe, const std::string& path) {
  std::string origin;
  if (const auto place = recipe.places.find(path); place != recipe.places.end()) {
    const auto& [line, column, override_index] = place->second;
    origin = override_index < 0
                 ? fmt::format("{}:{}", recipe.source_file, line)
                 : recipe.override_prefix + recipe.overrides.at(static_cast<size_t>(override_index));
  }
  if (const auto made = recipe.made_from.find(path); made != recipe.made_from.end()) {
    origin += (origin.empty() ? "" : ", ") + made->second;
  }
  return origin.empty() ? "default" : origin;
}

}  // namespace ropeway
