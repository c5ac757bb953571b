// Manual pages, made from what the program knows of itself: the verbs' pages, the table of a recipe's keys, the exit
// codes.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

struct ManPage {
  std::string file;  // "ropeway-run.1"
  std::string text;  // in the macros of man(7)
};
// ropeway(1), a page per verb in section 1, and ropeway-recipe(5).
std::vector<ManPage> man_pages();

}  // namespace ropeway
