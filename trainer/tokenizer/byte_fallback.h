// Byte tokens: "<0xE2>" stands for one byte of a character that the vocabulary lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace ropeway {

inline std::string byte_token(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

inline std::optional<unsigned char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char digit : token.substr(3, 2)) {
    const bool decimal = digit >= '0' && digit <= '9';
    const char letter = static_cast<char>(digit | 0x20);
    if (!decimal && (letter < 'a' || letter > 'f')) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(decimal ? digit - '0' : letter - 'a' + 10);
  }
  return static_cast<unsigned char>(value);
}

}  // namespace ropeway
