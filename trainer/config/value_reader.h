// One value of a recipe: from a YAML node into its field, strictly.
//
//   text, names   taken literally, quoted or not: `no` is the text "no", `010` the text "010", `12:30` the
//                 text "12:30"
//   flags         true or false, nothing else (not yes, no, on, True)
//   integers      decimal digits with an optional sign; no leading zeros, underscores, exponents, 0x, quotes
//   numbers       as in JSON, with an optional +; finite
//   lengths       4096, 4K, 256K, 2M; not quoted
//   lists         [a, b] or lines with "- "; a single value is not a list
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe_keys.h"
#include "trainer/config/yaml_tree.h"

namespace ropeway {

struct ValueError {
  RecipePlace place;
  std::string suffix;  // "[2]" for an element of a list
  std::string text;    // "found ..., wanted ..."
};
// The field keeps its default where a value is refused.
std::vector<ValueError> read_value(const RecipeKey& key, const YamlNode& node, const Field& field);

// The same of a value as a command line has it, where the elements of a list stand between commas.
std::vector<ValueError> read_text_value(const RecipeKey& key, const std::string& text, const Field& field);

// "an integer from 1 to 10000", "linear, cosine or constant", "a list of lengths, [4K, 64K]".
std::string wanted_for(const RecipeKey& key);

}  // namespace ropeway
