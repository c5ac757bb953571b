#include "trainer/files/utf8.h"

#include <algorithm>
#include <cstring>

namespace ropeway {
namespace {

// Bytes at text[at] that are a whole character (well_formed), or the maximal part of an ill-formed one.
struct Part {
  size_t bytes = 1;
  bool well_formed = false;
  bool cut = false;  // by the end of the text: more bytes could make it well formed
};
Part part_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const size_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF.
  unsigned char low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t i = 1; i < wanted; ++i) {
    if (at + i >= text.size()) return {i, false, true};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte < low || byte > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {wanted, true};
}

}  // namespace

void append_utf8(std::string& text, uint32_t code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t previous_character(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && is_utf8_continuation(text[end]));
  return end;
}

size_t valid_utf8_bytes(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = 0;  // ASCII goes by eight bytes at a time
    if (at + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const Part part = part_at(text, at);
    if (!part.well_formed) return at;
    at += part.bytes;
  }
  return at;
}

IllFormed ill_formed_at(std::string_view text, size_t at) {
  const Part part = part_at(text, at);
  return {part.bytes, part.cut};
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t good = valid_utf8_bytes(text);
    valid.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    valid.append("\xEF\xBF\xBD");
    text.remove_prefix(ill_formed_at(text, 0).bytes);
  }
  return valid;
}

std::string shorten(std::string_view text, size_t characters) {
  std::string shown;
  size_t count = 0;
  for (const char c : text) {
    const bool is_full = !is_utf8_continuation(c) && ++count > characters;
    if (is_full || shown.size() == 4 * characters) return shown + "...";
    shown += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return shown;
}

bool is_white_space(uint32_t code) {
  return (code >= 0x9 && code <= 0xD) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

}  // namespace ropeway
