#include "trainer/config/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace ropeway {
namespace {

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, fits);
}

void append(std::string& list, const std::string& item) {
  if (!item.empty()) list += (list.empty() ? "" : ", ") + item;
}

class Substitution {
 public:
  explicit Substitution(RecipeProblems& problems) : problems_(problems) {}

  void walk(YamlNode& node, const std::string& path) {
    if (node.kind == YamlNode::Kind::kScalar) value(node, path);
    for (size_t i = 0; i < node.items.size(); ++i) walk(node.items[i], fmt::format("{}[{}]", path, i));
    for (auto& [key, below] : node.entries) {
      walk(below, path.empty() ? key.text : fmt::format("{}.{}", path, key.text));
    }
  }

 private:
  void value(YamlNode& node, const std::string& path) {
    const std::string text = node.text;
    std::string made;
    for (size_t at = 0; at < text.size();) {
      const size_t next = std::min(text.find("${", at), text.size());
      const bool is_literal = next > at && next < text.size() && text[next - 1] == '$';  // $${
      made.append(text, at, next - at - (is_literal ? 1 : 0));
      if (next == text.size()) break;
      const size_t end = text.find('}', next);
      if (is_literal) {
        made += "${";
        at = next + 2;
      } else if (end == std::string::npos || !add(text.substr(next + 2, end - next - 2), node, made)) {
        refuse(node, path, text.substr(next, end == std::string::npos ? end : end - next + 1));
        return;
      } else {
        at = end + 1;
      }
    }
    if (node.variables.empty() && made == text) return;
    if (!node.variables.empty()) node.quoted = false;
    node.text = made;
  }

  // False where the inside of ${...} names no variable, or one that is not there.
  bool add(const std::string& inside, YamlNode& node, std::string& made) {
    const size_t dash = inside.find(":-");
    const std::string name = inside.substr(0, dash);
    if (!is_name(name)) return false;
    const char* found = std::getenv(name.c_str());
    const bool falls_back = dash != std::string::npos && (found == nullptr || *found == '\0');
    if (found == nullptr && !falls_back) return false;
    made += falls_back ? inside.substr(dash + 2) : found;
    append(node.variables, falls_back ? name + " is not set" : name);
    return true;
  }

  void refuse(YamlNode& node, const std::string& path, const std::string& part) {
    node.refused = true;
    const std::string name = part.size() > 3 && part.back() == '}' ? part.substr(2, part.size() - 3) : "";
    problems_.add_at(
        node.place, path,
        is_name(name)
            ? fmt::format("found ${{{}}}, which the environment does not have, wanted it set, or a default: "
                          "${{{}:-default}}",
                          name, name)
            : fmt::format("found {}, wanted ${{NAME}} or ${{NAME:-default}}, or $${{ for the text ${{",
                          part.substr(0, 60)));
  }

  RecipeProblems& problems_;
};

}  // namespace

void substitute_environment(YamlNode& root, RecipeProblems& problems) {
  Substitution(problems).walk(root, "");
}

FromEnvironment environment_of(const YamlNode& node) {
  FromEnvironment found{node.variables, node.refused};
  const auto take = [&](const YamlNode& below) {
    const FromEnvironment inner = environment_of(below);
    append(found.variables, inner.variables);
    found.refused = found.refused || inner.refused;
  };
  for (const YamlNode& item : node.items) take(item);
  for (const auto& entry : node.entries) take(entry.value);
  return found;
}

}  // namespace ropeway
