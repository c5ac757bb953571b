// What is wrong with a recipe, collected: `file:line:column: key: what`, or `--set key=value: key: what` for
// values that came from the command line, in the order of the file.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe.h"

namespace ropeway {

class RecipeProblems {
 public:
  // Keeps a reference to the recipe, for its file, places and overrides.
  explicit RecipeProblems(const Recipe& recipe) : recipe_(recipe) {}

  void add_at(const RecipePlace& place, const std::string& path, const std::string& text);
  // At the place of `path`, or of the nearest enclosing key that was written.
  void add(const std::string& path, const std::string& text);
  bool has(const std::string& path) const;             // a problem with exactly this key was reported
  bool has_element_of(const std::string& list) const;  // one with "LIST[0]", "LIST[0].path", ...
  std::vector<std::string> lines() const;
  // "FILE:LINE:COLUMN: key", as a line about `path` begins.
  std::string where(const std::string& path) const;

 private:
  struct Problem {
    RecipePlace place;
    std::string path, text;
  };
  RecipePlace place_of(const std::string& path) const;
  std::string where(const Problem& problem) const;
  const Recipe& recipe_;
  std::vector<Problem> problems_;
};

// "stages[2].length" -> "stages[2]" -> "stages" -> "".
std::string enclosing_path(const std::string& path);
// "a, b or c".
std::string join_words(const std::vector<std::string>& words, const std::string& last = "or");

}  // namespace ropeway
