// English words for synthetic tasks. No word is in two lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

const std::vector<std::string>& adjectives();  // 1,000
const std::vector<std::string>& nouns();       // 3,000
const std::vector<std::string>& verbs();       // 1,000

}  // namespace ropeway
