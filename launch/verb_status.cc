// ropeway status: what is done of a run, what is under way, and what no longer fits its inputs. Writes
// nothing.
#include <filesystem>
#include <iostream>
#include <optional>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/status_text.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/folder_lock.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/stages/run_outlook.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

Recipe recipe_of(const fs::path& run) {
  if (!fs::exists(run / "recipe.yaml") || !fs::is_directory(run / "stages")) {
    fail(ErrorKind::kMissingInput, "{}: is no run folder: wanted recipe.yaml and stages/ in it",
         run.string());
  }
  RecipeResult result = parse_recipe(run / "recipe.yaml");
  if (!result.errors.empty()) fail(ErrorKind::kBadData, "{}", fmt::join(result.errors, "\n"));
  result.recipe.run_dir = run.string();  // wherever it was moved
  return result.recipe;
}

std::string status_of(const fs::path& run) {
  const Recipe recipe = recipe_of(run);
  std::optional<RunInputs> inputs;
  std::string note;
  try {
    inputs = open_run_model(recipe);
  } catch (const Error& error) {
    note = fmt::format("not compared with its model: {}\n", error.what());
  }
  FileHashes hashes(hash_store(run));
  const RunOutlook outlook = look_at_run(recipe, inputs ? &*inputs : nullptr, {}, hashes);
  if (is_locked(run)) note += "a process is writing to it now\n";
  return status_text(recipe, outlook, false) + note;
}

}  // namespace

CommandPage status_page() {
  return {.usage = "RUN",
          .about =
              "Prints what each stage of a run folder is: done, to do, under way (goes on), or to\n"
              "be done again, and why: what its recipe.yaml says and the model and texts that it\n"
              "names are compared with what the stage was made from, by content.\n",
          .notes = "A changed recipe is compared before it is run by ropeway run RECIPE.yaml --dry-run.\n",
          .examples = "ropeway status runs/tiny_cpu\n",
          .positional = "RUN"};
}

void status_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("status", status_page());
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (!prints) return;
  std::cout << (run ? status_of(values["RUN"].as<std::string>()) : line.help);
}

}  // namespace ropeway
