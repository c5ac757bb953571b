#include "trainer/stages/recipe_difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace ropeway {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Lengths of the longest common subsequences of what is left from line i of one and line j of the other.
std::vector<std::vector<int>> common_lines(const std::vector<std::string>& old_lines,
                                           const std::vector<std::string>& new_lines) {
  std::vector<std::vector<int>> common(old_lines.size() + 1, std::vector<int>(new_lines.size() + 1));
  for (size_t i = old_lines.size(); i-- > 0;) {
    for (size_t j = new_lines.size(); j-- > 0;) {
      common[i][j] = old_lines[i] == new_lines[j] ? common[i + 1][j + 1] + 1
                                                  : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  return common;
}

}  // namespace

std::string recipe_difference(const std::string& was, const std::string& is) {
  const auto old_lines = lines_of(was), new_lines = lines_of(is);
  const auto common = common_lines(old_lines, new_lines);
  std::vector<std::string> only_old, only_new, shown;
  const auto show = [&] {
    for (size_t k = 0; k < std::max(only_old.size(), only_new.size()); ++k) {
      const std::string before = k < only_old.size() ? fmt::format("\"{}\"", only_old[k]) : "nothing",
                        after = k < only_new.size() ? fmt::format("\"{}\"", only_new[k]) : "nothing";
      shown.push_back(fmt::format("\n  there {}, here {}", before, after));
    }
    only_old.clear();
    only_new.clear();
  };
  size_t i = 0, j = 0;
  while (i < old_lines.size() || j < new_lines.size()) {
    const bool both = i < old_lines.size() && j < new_lines.size();
    if (both && old_lines[i] == new_lines[j]) {
      show();
      ++i, ++j;
    } else if (j == new_lines.size() || (both && common[i + 1][j] >= common[i][j + 1])) {
      only_old.push_back(old_lines[i++]);
    } else {
      only_new.push_back(new_lines[j++]);
    }
  }
  show();
  constexpr size_t kMost = 6;
  if (shown.size() > kMost) {
    shown[kMost - 1] = fmt::format("\n  and {} more lines", shown.size() - kMost + 1);
    shown.resize(kMost);
  }
  return fmt::format("{}", fmt::join(shown, ""));
}

}  // namespace ropeway
