// What was done when: a row per piece of work, a bar from its beginning to its end.
#pragma once

#include <string>
#include <vector>

namespace ropeway::charts {

struct TimelineRow {
  std::string name = "", detail = "";  // before the bar, and behind it
  double begin = 0, seconds = 0;       // since the beginning of all
  int colour = 0;
  bool begun = true;  // else the row has no bar
};

struct Timeline {
  std::string id = "", title = "", description = "";
  std::vector<TimelineRow> rows = {};
  std::vector<std::pair<std::string, int>> legend = {};  // what a colour stands for
};

std::string svg_of(const Timeline& timeline);  // "" without rows

}  // namespace ropeway::charts
