#include "trainer/config/key_help.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/config/value_reader.h"

namespace ropeway {
namespace {

struct Path {
  std::string section, name;
};

// "stages.tune.gate.against" and "stages[1].gate.against" -> stages, gate.against.
Path split(const std::string& word) {
  if (word.starts_with("stages.") || word.starts_with("stages[")) {
    const size_t end = word.find(word[6] == '.' ? "." : "].", 7);
    return {"stages", end == std::string::npos ? "" : word.substr(end + (word[6] == '.' ? 1 : 2))};
  }
  for (const std::string& section : recipe_sections()) {
    if (section.empty() || !word.starts_with(section + ".")) continue;
    const std::string name = word.substr(section.size() + 1);
    const bool is_deeper = std::ranges::any_of(recipe_sections(), [&](const std::string& other) {
      return other.size() > section.size() && word.starts_with(other + ".");
    });
    if (!is_deeper) return {section, name};
  }
  return {"", word};
}

template <typename Meant>
std::vector<const RecipeKey*> keys_where(const Meant& meant) {
  std::vector<const RecipeKey*> found;
  for (const RecipeKey& key : recipe_keys()) {
    if (meant(key)) found.push_back(&key);
  }
  return found;
}

}  // namespace

std::vector<const RecipeKey*> keys_called(const std::string& word) {
  const Path path = split(word);
  auto found =
      keys_where([&](const RecipeKey& key) { return key.section == path.section && key.name == path.name; });
  if (found.empty()) found = keys_where([&](const RecipeKey& key) { return key.name == word; });
  if (found.empty()) {
    found = keys_where([&](const RecipeKey& key) {
      const auto names = split_words(key.also);
      return std::ranges::find(names, word) != names.end();
    });
  }
  return found;
}

std::string nearest_key(const std::string& word) {
  const std::string name = split(word).name;
  std::vector<std::string> known;
  for (const RecipeKey& key : recipe_keys()) {
    known.emplace_back(key.name);
    for (const std::string& other : split_words(key.also)) known.push_back(other);
  }
  return nearest_word(name, known);
}

std::string path_of(const RecipeKey& key) {
  if (key.section.empty()) return std::string(key.name);
  return fmt::format("{}.{}", key.section == "stages" ? "stages.NAME" : key.section, key.name);
}

std::string key_help(const RecipeKey& key) {
  std::string text = path_of(key);
  if (key.section == "stages") {
    text += fmt::format("  (stages of kind {})", fmt::join(split_words(key.stage_kinds), ", "));
  }
  text += fmt::format("\n  {}\n  value      {}\n", key.meaning, wanted_for(key));
  const std::string fallback = default_text(key);
  if (key.required) text += "  default    none: the key is required\n";
  if (!fallback.empty()) text += fmt::format("  default    {}\n", fallback);
  if (!key.also.empty()) text += fmt::format("  elsewhere  {}\n", fmt::join(split_words(key.also), ", "));
  return text;
}

}  // namespace ropeway
