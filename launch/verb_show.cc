// ropeway show: a recipe as it is understood, with the origin of every value.
#include <algorithm>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/recipe_loading.h"
#include "launch/verbs.h"
#include "trainer/config/mesh_ranks.h"
#include "trainer/config/recipe_origins.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {

CommandPage show_page() {
  return {.usage = "RECIPE.yaml [--set KEY=VALUE ...] [--ranks N] [--plain]",
          .about =
              "Prints the recipe with every key and its value, and behind each where the value is from:\n"
              "the line of the file, a --set, a variable of the environment, the default, or what it\n"
              "is derived from. The output is a recipe, and can be run.\n",
          .options = {set_option(),
                      row(Option::number<int>("ranks", "N", 0),
                          "of the job, from which mesh.sequence: auto follows"),
                      row(Option::flag("plain"), "without the origins")},
          .examples = "ropeway show configs/tiny_cpu.yaml --set mesh.data=2 --ranks 4\n",
          .positional = "RECIPE.yaml"};
}

namespace {

void derive_mesh(Recipe& recipe, int ranks) {
  const MeshRecipe given = recipe.mesh;
  recipe.mesh = with_ranks(given, ranks);
  const bool from_keys = given.sequence > 0 || (given.ring > 0 && given.heads > 0);
  const auto note = [&](const char* key, int before, int after) {
    if (before != after) {
      recipe.made_from[key] =
          from_keys ? "derived from the other keys of mesh" : "derived from --ranks and mesh.data";
    }
  };
  note("mesh.sequence", given.sequence, recipe.mesh.sequence);
  note("mesh.ring", given.ring, recipe.mesh.ring);
  note("mesh.heads", given.heads, recipe.mesh.heads);
}

}  // namespace

void show_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("show", show_page());
  boost::program_options::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  ParseRecipeOptions options;
  options.ranks = read_ranks(values);
  options.overrides = read_overrides(values);
  Recipe recipe = load_recipe(values["RECIPE.yaml"].as<std::string>(), options);
  if (options.ranks > 0) derive_mesh(recipe, options.ranks);
  NoteOfValue note_of = [&](const std::string& path) { return origin_of(recipe, path); };
  if (values["plain"].as<bool>()) note_of = {};
  if (prints) std::cout << recipe_to_yaml(recipe, note_of);
}

}  // namespace ropeway
