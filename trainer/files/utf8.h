// UTF-8, character by character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropeway {

// The character that starts at text[at]; moves `at` behind it. The text is valid UTF-8.
inline uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) {
    at += 1;
    return lead;
  }
  uint32_t code = 0;
  if (lead < 0xE0) {
    code = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    at += 2;
  } else if (lead < 0xF0) {
    code = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    at += 3;
  } else {
    code = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    at += 4;
  }
  return code;
}

// Bytes of the character that starts with this byte, of valid UTF-8.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// One of the bytes that follow the first one of a character.
inline bool is_utf8_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

void append_utf8(std::string& text, uint32_t code_point);

// Where the character that ends before `end` starts. The text is valid UTF-8, end > 0.
size_t previous_character(std::string_view text, size_t end);

// Bytes of the longest prefix that is valid UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms).
size_t valid_utf8_bytes(std::string_view text);

inline bool is_valid_utf8(std::string_view text) { return valid_utf8_bytes(text) == text.size(); }

// The maximal ill-formed part at text[at], where no well-formed character begins. may_continue: it reaches to
// the end of the text, and bytes behind it could make a character of it.
struct IllFormed {
  size_t bytes = 1;
  bool may_continue = false;
};
IllFormed ill_formed_at(std::string_view text, size_t at);

// Every maximal ill-formed part as U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

// Cut to `characters` with "..." at the end; control characters become spaces. Never cuts inside a UTF-8
// sequence; of what is none at most 4 bytes for each of `characters` are left.
std::string shorten(std::string_view text, size_t characters);

// The property White_Space, which decides what is stripped.
bool is_white_space(uint32_t code_point);

}  // namespace ropeway
