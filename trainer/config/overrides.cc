#include "trainer/config/overrides.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "trainer/config/nearest_word.h"

namespace ropeway {
namespace {

struct Step {
  std::string key;   // of a map, or a stage's name in the list of stages
  size_t index = 0;  // of a list, when key is empty
};

// "stages[1].steps" -> stages, [1], steps. nullopt when it is no path.
std::optional<std::vector<Step>> split_path(std::string_view path) {
  std::vector<Step> steps;
  for (bool first = true; !path.empty(); first = false) {
    if (path[0] == '[') {
      const size_t end = path.find(']');
      if (first || end == std::string_view::npos) return std::nullopt;
      const std::string_view digits = path.substr(1, end - 1);
      Step step;
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step.index);
      if (digits.empty() || error != std::errc() || stop != digits.data() + digits.size())
        return std::nullopt;
      steps.push_back(step);
      path.remove_prefix(end + 1);
      continue;
    }
    if (!first) {
      if (path[0] != '.') return std::nullopt;
      path.remove_prefix(1);
    }
    const size_t end = std::min(path.find_first_of(".["), path.size());
    if (end == 0) return std::nullopt;
    steps.push_back({std::string(path.substr(0, end)), 0});
    path.remove_prefix(end);
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

class Override {
 public:
  Override(YamlNode& root, int index, RecipeProblems& problems) : root_(root), problems_(problems) {
    place_.override_index = index;
  }

  void apply(const std::string& text) {
    const size_t equals = text.find('=');
    const auto steps = split_path(std::string_view(text).substr(0, equals));
    if (equals == std::string::npos || !steps) {
      problems_.add_at(place_, "", "wanted key=value, for example mesh.sequence=4 or stages[1].steps=10");
      return;
    }
    const std::string path = text.substr(0, equals);
    YamlResult value = read_yaml(std::string_view(text).substr(equals + 1), place_.override_index);
    if (value.problem) {
      problems_.add_at(place_, path, value.problem->text);
      return;
    }
    value.root.place = place_;
    YamlNode* node = &root_;
    for (const Step& step : *steps) {
      node = descend(*node, step, path);
      if (node == nullptr) return;
    }
    *node = std::move(value.root);
  }

 private:
  YamlNode* descend(YamlNode& node, const Step& step, const std::string& path) {
    if (step.key.empty()) {
      if (node.kind == YamlNode::Kind::kList && step.index < node.items.size())
        return &node.items[step.index];
      problems_.add_at(place_, path, fmt::format("found [{}] in {}", step.index, describe(node)));
      return nullptr;
    }
    if (node.kind == YamlNode::Kind::kList) return find_stage(node, step.key, path);
    if (node.kind == YamlNode::Kind::kScalar) {
      problems_.add_at(
          place_, path,
          fmt::format("found the value {} where {} is wanted in a map", describe(node), step.key));
      return nullptr;
    }
    if (YamlNode* value = node.find(step.key)) return value;
    if (node.kind == YamlNode::Kind::kNothing) node.place = place_;
    node.kind = YamlNode::Kind::kMap;
    YamlNode key;
    key.kind = YamlNode::Kind::kScalar;
    key.text = step.key;
    key.place = place_;
    YamlNode value;
    value.place = place_;
    node.entries.push_back({std::move(key), std::move(value)});
    return &node.entries.back().value;
  }

  YamlNode* find_stage(YamlNode& list, const std::string& name, const std::string& path) {
    std::vector<std::string> names;
    for (YamlNode& item : list.items) {
      const YamlNode* item_name = item.find("name");
      if (item_name == nullptr) continue;
      if (item_name->text == name) return &item;
      names.push_back(item_name->text);
    }
    const std::string nearest = nearest_word(name, names);
    problems_.add_at(place_, path,
                     fmt::format("found no stage named {}{}", name,
                                 nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
    return nullptr;
  }

  YamlNode& root_;
  RecipeProblems& problems_;
  RecipePlace place_;
};

}  // namespace

void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides, RecipeProblems& problems) {
  if (root.kind != YamlNode::Kind::kMap) return;  // reported by the reader
  for (size_t i = 0; i < overrides.size(); ++i) {
    Override(root, static_cast<int>(i), problems).apply(overrides[i]);
  }
}

}  // namespace ropeway
