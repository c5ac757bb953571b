// ropeway schema: the recipe's keys for editors and other programs.
#include <iostream>

#include "launch/command_page.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_schema.h"

namespace ropeway {

CommandPage schema_page() {
  return {.usage = "",
          .about =
              "Prints the JSON Schema (2020-12) of recipes, made from the table of keys: type, range,\n"
              "default and meaning of every key, and the keys of each kind of stage. Editors\n"
              "complete and check recipes with it (configs/README.md says how), and so does the\n"
              "check-jsonschema of PyPI.\n",
          .examples = "ropeway schema > recipe.schema.json\n"};
}

void schema_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("schema", schema_page());
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (prints) std::cout << (run ? recipe_schema() : line.help);
}

}  // namespace ropeway
