#include "trainer/config/recipe_problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <tuple>

namespace ropeway {

void RecipeProblems::add_at(const RecipePlace& place, const std::string& path, const std::string& text) {
  problems_.push_back({place, path, text});
}

void RecipeProblems::add(const std::string& path, const std::string& text) {
  add_at(place_of(path), path, text);
}

RecipePlace RecipeProblems::place_of(const std::string& path) const {
  std::string written = path;
  auto found = recipe_.places.find(written);
  while (found == recipe_.places.end() && !written.empty()) {
    written = enclosing_path(written);
    found = recipe_.places.find(written);
  }
  return found == recipe_.places.end() ? RecipePlace{} : found->second;
}

std::string RecipeProblems::where(const Problem& p) const {
  std::string where = recipe_.source_file;
  if (p.place.override_index >= 0) {
    where = recipe_.override_prefix + recipe_.overrides.at(static_cast<size_t>(p.place.override_index));
  } else if (p.place.line > 0) {
    where += fmt::format(":{}:{}", p.place.line, p.place.column);
  }
  return p.path.empty() ? where : fmt::format("{}: {}", where, p.path);
}

std::string RecipeProblems::where(const std::string& path) const { return where({place_of(path), path, ""}); }

bool RecipeProblems::has(const std::string& path) const {
  return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& p) { return p.path == path; });
}

bool RecipeProblems::has_element_of(const std::string& list) const {
  return std::any_of(problems_.begin(), problems_.end(),
                     [&](const Problem& p) { return p.path.rfind(list + '[', 0) == 0; });
}

std::vector<std::string> RecipeProblems::lines() const {
  std::vector<Problem> sorted = problems_;
  const auto order = [](const Problem& p) {
    const bool from_override = p.place.override_index >= 0;
    return from_override ? std::tuple(INT_MAX, p.place.override_index)
                         : std::tuple(p.place.line, p.place.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
  std::vector<std::string> lines;
  for (const Problem& p : sorted) lines.push_back(fmt::format("{}: {}", where(p), p.text));
  return lines;
}

std::string enclosing_path(const std::string& path) {
  const size_t end = path.find_last_of(".[");
  return end == std::string::npos ? "" : path.substr(0, end);
}

std::string join_words(const std::vector<std::string>& words, const std::string& last) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " " + last + " " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace ropeway
