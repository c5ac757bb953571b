// A picture of a report and the same figures as a table, for whoever cannot or will not look at pictures.
#pragma once

#include <string>
#include <vector>

namespace ropeway::charts {

struct Table {
  std::vector<std::string> head = {};
  std::vector<std::vector<std::string>> rows = {};
  size_t text_columns = 1;  // the first ones are names, the others numbers
  std::string note = "";    // below the table
};

struct Picture {
  std::string id = "";       // of the element in a page, and of a file: letters, digits and '-'
  std::string title = "";    // "Loss"
  std::string caption = "";  // what is drawn and how to read it, in a sentence or two
  std::string svg = "";      // whole <svg> element
  Table table = {};
  bool table_open = false;  // the table is what a reader looks at as much
};

}  // namespace ropeway::charts
