#include "launch/recipe_loading.h"

#include <algorithm>
#include <optional>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {

Recipe load_recipe(const std::string& file, const ParseRecipeOptions& options) {
  ParseRecipeOptions with_prefix = options;
  with_prefix.override_prefix = "--set ";
  RecipeResult result = parse_recipe(file, with_prefix);
  if (result.errors.empty()) return std::move(result.recipe);
  const bool only_overrides =
      std::all_of(result.errors.begin(), result.errors.end(),
                  [](const std::string& error) { return error.rfind("--set ", 0) == 0; });
  fail(only_overrides ? ErrorKind::kUsage : ErrorKind::kConfig, "{}", fmt::join(result.errors, "\n"));
}

int read_ranks(const boost::program_options::variables_map& values) {
  const int ranks = values["ranks"].as<int>();
  if (ranks < 0) fail(ErrorKind::kUsage, "--ranks {}: wanted a number of ranks", ranks);
  return ranks;
}

std::vector<std::string> read_overrides(const boost::program_options::variables_map& values) {
  return values.count("set") > 0 ? values["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
}

Recipe load_recipe_on_all_ranks(const std::string& file, const std::vector<std::string>& overrides,
                                Communicator& world) {
  Recipe recipe;
  std::optional<Error> error;
  try {
    recipe = load_recipe(file, {.overrides = overrides, .ranks = world.size()});
  } catch (const Error& e) {
    error = e;
  }
  const auto found =
      all_gather_strings(world, error ? std::string("error: ") + error->what() : recipe_to_yaml(recipe));
  std::string different;
  for (size_t rank = 1; rank < found.size(); ++rank) {
    if (found[rank] != found[0]) different += (different.empty() ? "" : ", ") + std::to_string(rank);
  }
  if (!different.empty()) {
    fail(ErrorKind::kConfig,
         "{}: rank 0 and rank(s) {} read different recipes; is the file the same on every node?", file,
         different);
  }
  if (error) throw *error;
  return recipe;
}

}  // namespace ropeway
