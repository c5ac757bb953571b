// Suggestions for misspelt words.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

// The candidate nearest to `word` by edit distance, "" when none is near.
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace ropeway
