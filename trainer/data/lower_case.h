// Endings of file names in any case.
#pragma once

#include <string>

namespace ropeway {

// ASCII letters only, whatever the locale.
inline std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace ropeway
