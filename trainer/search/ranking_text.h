// What is said about the choice among finalists.
#pragma once

#include <string>
#include <vector>

#include "trainer/search/finalists.h"

namespace ropeway {

// Line by line: the rule, every finalist with its figures, and what decided between the first two. Empty
// where nothing was compared.
std::vector<std::string> ranking_text(const Ranking& ranking);

}  // namespace ropeway
