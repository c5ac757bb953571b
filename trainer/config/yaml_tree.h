// YAML text to a small tree in which every node knows its line and column. Stricter than YAML: one document;
// no anchors, aliases, tags or merge keys, so nothing can expand or form a cycle; at most 64 levels; valid
// UTF-8 without control characters; quotes that are opened must be closed. A byte-order mark and CRLF line
// ends are accepted. Scalars keep their text: what `no`, `010` or `12:30` mean is up to the key that reads
// them (value_reader.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/recipe_place.h"

namespace ropeway {

constexpr size_t kMaxYamlBytes = 1 << 20;
constexpr size_t kMaxYamlDepth = 64;

struct YamlEntry;
struct YamlNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  std::string text;  // of a scalar
  bool quoted = false;
  RecipePlace place;
  std::string variables;           // of the environment that the text was made with, "A, B"
  bool refused = false;            // was reported already, and is not read
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map, in the order of the text

  YamlNode* find(std::string_view key);  // first entry of a map with this key, or null
  const YamlNode* find(std::string_view key) const;
};
// Not a pair: clang 14 cannot make one of two incomplete types inside a vector.
struct YamlEntry {
  YamlNode key, value;
};

struct YamlProblem {
  RecipePlace place;
  std::string text;
};
struct YamlResult {
  YamlNode root;
  // The first thing that is not the YAML described above; the root is empty then.
  std::optional<YamlProblem> problem;
};
// override_index: the places of all nodes name this override instead of lines (-1: the text is a file).
YamlResult read_yaml(std::string_view text, int override_index = -1);

// A node as a message shows it: its text cut to 60 characters, "nothing", "a list of 3", "a map of 2 keys".
std::string describe(const YamlNode& node);

}  // namespace ropeway
