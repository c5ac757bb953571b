// Whether a string is UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF.
#pragma once

#include <cstdint>
#include <string_view>

namespace ropeway {

// Reads one character from the front of `text` and removes it; false when it is not UTF-8.
inline bool take_character(std::string_view& text, uint32_t& character) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  if (text.empty()) return false;
  const uint32_t first = byte(0);
  const size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 0 || first > 0xf4 || text.size() < length) return false;
  character = length == 1 ? first : first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return false;
    character = character << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < kLeast[length] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) {
    return false;
  }
  text.remove_prefix(length);
  return true;
}

inline bool is_utf8(std::string_view text) {
  uint32_t character = 0;
  while (!text.empty()) {
    if (!take_character(text, character)) return false;
  }
  return true;
}

}  // namespace ropeway
