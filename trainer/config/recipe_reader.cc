#include "trainer/config/recipe_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "trainer/config/environment.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/value_reader.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

std::string join_path(const std::string& parent, std::string_view key) {
  return parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
}

class RecipeReader {
 public:
  RecipeReader(Recipe& recipe, RecipeProblems& problems) : recipe_(recipe), problems_(problems) {}

  void read(const YamlNode& root) {
    recipe_.places[""] = root.place;
    check_keys_are_unique(root, "");
    read_section(root, {"", "", nullptr, std::nullopt});
  }

 private:
  // One map of the file: which section of the table it is, and for a stage which kind (nullopt: unknown).
  struct Section {
    std::string name, path;
    StageRecipe* stage = nullptr;
    std::optional<StageKind> kind;
  };

  void check_keys_are_unique(const YamlNode& node, const std::string& path);
  void read_section(const YamlNode& map, const Section& section);
  void read_key(const RecipeKey& key, const YamlNode& value, const std::string& path, const Section& section);
  void read_subsection(const YamlNode& node, const std::string& name, const std::string& path);
  void read_stages(const YamlNode& list);
  std::optional<StageKind> kind_of(const YamlNode& map) const;
  const RecipeKey* find_key(const Section& section, std::string_view name) const;
  bool is_map_of_keys(const Section& section, const std::string& name) const;
  void read_map_of_keys(const YamlNode& key, const YamlNode& map, const Section& section);
  void report_unknown(const YamlNode& key, const Section& section);
  std::string suggestion_for(const std::string& word, const Section& section) const;

  Recipe& recipe_;
  RecipeProblems& problems_;
};

bool allowed(const RecipeKey& key, const std::string& section, std::optional<StageKind> kind) {
  return key.section == section && (!kind || is_for(key, *kind));
}

bool is_for_every_kind(const RecipeKey& key) {
  return split_words(key.stage_kinds).size() == stage_kinds().size();
}

bool is_section(const std::string& path) {
  const auto& sections = recipe_sections();
  return !path.empty() && std::find(sections.begin(), sections.end(), path) != sections.end();
}

void RecipeReader::check_keys_are_unique(const YamlNode& node, const std::string& path) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    check_keys_are_unique(node.items[i], fmt::format("{}[{}]", path, i));
  }
  std::unordered_map<std::string, int> first_line;
  for (const auto& [key, value] : node.entries) {
    if (key.kind != YamlNode::Kind::kScalar) {
      problems_.add_at(key.place, path, fmt::format("found {} as a key, wanted a word", describe(key)));
      continue;
    }
    const std::string key_path = join_path(path, shorten(key.text, 60));
    const auto [first, is_new] = first_line.emplace(key.text, key.place.line);
    if (!is_new) {
      problems_.add_at(key.place, key_path,
                       fmt::format("found a second time on line {}, wanted once; the first is on line {}",
                                   key.place.line, first->second));
    }
    check_keys_are_unique(value, key_path);
  }
}

const RecipeKey* RecipeReader::find_key(const Section& section, std::string_view name) const {
  for (const RecipeKey& key : recipe_keys()) {
    if (key.name == name && allowed(key, section.name, section.kind)) return &key;
  }
  return nullptr;
}

std::string RecipeReader::suggestion_for(const std::string& word, const Section& section) const {
  std::vector<std::string> here, elsewhere;
  std::unordered_map<std::string, std::string> shown;  // a word that may be meant -> what to suggest
  const auto offer = [&](std::vector<std::string>& list, const std::string& known,
                         const std::string& suggestion) {
    if (shown.emplace(known, suggestion).second) list.push_back(known);
  };
  // What fits here first, so that a name known in several places means the one here.
  for (const bool is_here : {true, false}) {
    for (const RecipeKey& key : recipe_keys()) {
      if (allowed(key, section.name, section.kind) != is_here) continue;
      const std::string full = key.section == "stages" ? fmt::format("{} of a {} stage", key.name,
                                                                     join_words(split_words(key.stage_kinds)))
                                                       : join_path(std::string(key.section), key.name);
      const std::string suggestion = is_here ? std::string(key.name) : full;
      offer(is_here ? here : elsewhere, std::string(key.name), suggestion);
      for (const std::string& other : split_words(key.also))
        offer(is_here ? here : elsewhere, other, suggestion);
    }
  }
  for (const std::string& name : recipe_sections()) {
    const bool is_here = !name.empty() && enclosing_path(name) == section.name && section.name != "stages";
    if (!name.empty())
      offer(is_here ? here : elsewhere, is_here ? name.substr(name.rfind('.') + 1) : name, name);
  }
  const auto exact = shown.find(word);
  if (exact != shown.end()) return exact->second;
  std::string nearest = nearest_word(word, here);
  if (nearest.empty()) nearest = nearest_word(word, elsewhere);
  return nearest.empty() ? "" : shown.at(nearest);
}

void RecipeReader::report_unknown(const YamlNode& key, const Section& section) {
  const std::string path = join_path(section.path, shorten(key.text, 60));
  if (key.text == "<<") {
    problems_.add_at(key.place, path, "found a merge key, wanted the keys written out");
    return;
  }
  if (section.kind) {
    std::set<std::string> kinds;
    for (const RecipeKey& other : recipe_keys()) {
      // "mix", where the table has "mix.short".
      if (other.section == "stages" && (other.name == key.text || other.name.starts_with(key.text + "."))) {
        for (const std::string& kind : split_words(other.stage_kinds)) kinds.insert(kind);
      }
    }
    if (!kinds.empty()) {
      problems_.add_at(key.place, path,
                       fmt::format("found in a stage of kind {}, wanted only in {}", word_of(*section.kind),
                                   join_words({kinds.begin(), kinds.end()}, "and")));
      return;
    }
  }
  const std::string suggestion = suggestion_for(key.text, section);
  problems_.add_at(
      key.place, path,
      suggestion.empty() ? "unknown key" : fmt::format("unknown key; did you mean {}?", suggestion));
}

void RecipeReader::read_key(const RecipeKey& key, const YamlNode& value, const std::string& path,
                            const Section& section) {
  recipe_.places[path] = value.place;
  const auto [variables, refused] = environment_of(value);
  if (!variables.empty()) recipe_.made_from[path] = fmt::format("environment: {}", variables);
  if (refused) return;
  // Without a kind the stage takes that of each key in turn, so that every value is still looked at.
  if (section.stage != nullptr && !section.kind) section.stage->set_kind(first_kind_of(key));
  for (const ValueError& error : read_value(key, value, field_of(key, recipe_, section.stage))) {
    problems_.add_at(error.place, path + error.suffix, error.text);
  }
}

// "gate", where the table has "gate.max_short_loss".
bool RecipeReader::is_map_of_keys(const Section& section, const std::string& name) const {
  return std::ranges::any_of(recipe_keys(), [&](const RecipeKey& key) {
    return allowed(key, section.name, section.kind) && key.name.starts_with(name + ".");
  });
}

void RecipeReader::read_map_of_keys(const YamlNode& key, const YamlNode& map, const Section& section) {
  const std::string path = join_path(section.path, key.text);
  recipe_.places[path] = map.place;
  if (map.kind != YamlNode::Kind::kMap) {
    problems_.add_at(map.place, path, fmt::format("found {}, wanted a map of keys", describe(map)));
    return;
  }
  for (const auto& [below, value] : map.entries) {
    if (below.kind != YamlNode::Kind::kScalar) continue;  // reported already
    const RecipeKey* known = find_key(section, fmt::format("{}.{}", key.text, below.text));
    if (known != nullptr) {
      read_key(*known, value, join_path(path, below.text), section);
      continue;
    }
    YamlNode whole = below;
    whole.text = fmt::format("{}.{}", key.text, below.text);
    report_unknown(whole, section);
  }
}

void RecipeReader::read_section(const YamlNode& map, const Section& section) {
  std::set<std::string> seen;
  for (const auto& [key, value] : map.entries) {
    if (key.kind != YamlNode::Kind::kScalar || !seen.insert(key.text).second) continue;  // reported already
    const std::string path = join_path(section.path, key.text);
    const std::string below = join_path(section.name, key.text);
    if (section.stage == nullptr && is_section(below)) {
      read_subsection(value, below, path);
      continue;
    }
    if (is_map_of_keys(section, key.text)) {
      read_map_of_keys(key, value, section);
      continue;
    }
    const RecipeKey* known = find_key(section, key.text);
    if (known == nullptr) {
      report_unknown(key, section);
      continue;
    }
    read_key(*known, value, path, section);
  }
  for (const RecipeKey& key : recipe_keys()) {
    const bool is_certain = section.stage == nullptr || section.kind || is_for_every_kind(key);
    if (key.required && is_certain && allowed(key, section.name, section.kind) &&
        seen.count(std::string(key.name)) == 0) {
      problems_.add_at(map.place, join_path(section.path, key.name),
                       "found nothing, wanted " + wanted_for(key));
    }
  }
}

void RecipeReader::read_subsection(const YamlNode& node, const std::string& name, const std::string& path) {
  recipe_.places[path] = node.place;
  if (name == "stages") {
    read_stages(node);
    return;
  }
  if (node.kind != YamlNode::Kind::kMap) {
    problems_.add_at(node.place, path, fmt::format("found {}, wanted a map of keys", describe(node)));
    return;
  }
  if (name == "model.architecture") recipe_.model.has_architecture = true;
  read_section(node, {name, path, nullptr, std::nullopt});
}

std::optional<StageKind> RecipeReader::kind_of(const YamlNode& map) const {
  const YamlNode* node = map.find("kind");
  for (const StageKind kind : stage_kinds()) {
    if (node != nullptr && node->kind == YamlNode::Kind::kScalar && node->text == word_of(kind)) return kind;
  }
  return std::nullopt;
}

void RecipeReader::read_stages(const YamlNode& list) {
  if (list.kind != YamlNode::Kind::kList || list.items.empty()) {
    problems_.add_at(list.place, "stages", fmt::format("found {}, wanted a list of stages", describe(list)));
    return;
  }
  recipe_.stages.resize(list.items.size());
  for (size_t i = 0; i < list.items.size(); ++i) {
    const YamlNode& map = list.items[i];
    const std::string path = fmt::format("stages[{}]", i);
    recipe_.places[path] = map.place;
    recipe_.stages[i].line = map.place.line;
    if (map.kind != YamlNode::Kind::kMap) {
      problems_.add_at(map.place, path + ".kind",
                       fmt::format("found {}, wanted a map of keys", describe(map)));
      continue;
    }
    const std::optional<StageKind> kind = kind_of(map);
    if (kind) recipe_.stages[i].set_kind(*kind);
    read_section(map, {"stages", path, &recipe_.stages[i], kind});
  }
}

}  // namespace

void read_recipe(const YamlNode& root, Recipe& recipe, RecipeProblems& problems) {
  if (root.kind != YamlNode::Kind::kMap) {
    problems.add_at(root.place, "", fmt::format("found {}, wanted a recipe: a map of keys", describe(root)));
    return;
  }
  RecipeReader(recipe, problems).read(root);
}

}  // namespace ropeway
