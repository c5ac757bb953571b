// Shares between 0 and 1 over rows and columns, each cell with its colour and its figure.
#pragma once

#include <string>
#include <vector>

namespace ropeway::charts {

struct HeatCell {
  bool filled = false;
  double share = 0;
  std::string text = "";  // in the cell: "19/20"
  std::string tip = "";
};

struct HeatColumn {
  std::string group = "";  // neighbours of the same group stand under one name
  std::string name = "";
};

struct HeatMap {
  std::string id = "", title = "", description = "";
  std::string row_title = "", column_title = "";
  std::vector<HeatColumn> columns = {};
  std::vector<std::string> rows = {};             // from the top
  std::vector<std::vector<HeatCell>> cells = {};  // [row][column]
};

std::string svg_of(const HeatMap& map);  // "" without a cell

}  // namespace ropeway::charts
