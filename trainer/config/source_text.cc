#include "trainer/config/source_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace ropeway {
namespace {

bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

// Length of the valid UTF-8 sequence at `i`, 0 when there is none.
size_t sequence_length(std::string_view text, size_t i) {
  const auto at = [&](size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u; };
  const unsigned first = at(i);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t k = 1; k < length; ++k) {
    if (!is_continuation(static_cast<unsigned char>(at(i + k)))) return 0;
  }
  const unsigned second = at(i + 1);
  if (first == 0xe0 && second < 0xa0) return 0;  // overlong
  if (first == 0xed && second > 0x9f) return 0;  // surrogates
  if (first == 0xf0 && second < 0x90) return 0;  // overlong
  if (first == 0xf4 && second > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

// Nothing but blanks, or a comment, up to the end of the line.
bool is_blank_from(std::string_view text, size_t i) {
  i = text.find_first_not_of(" \t\r", i);
  return i == std::string_view::npos || text[i] == '\n' || text[i] == '#';
}

}  // namespace

SourceText::SourceText(std::string_view text, int override_index)
    : text_(text), override_index_(override_index) {
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

RecipePlace SourceText::place(size_t offset) const {
  RecipePlace place;
  place.override_index = override_index_;
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const size_t line_start = *(after - 1);
  place.line = static_cast<int>(after - line_starts_.begin());
  if (last_offset_ < line_start || last_offset_ > offset) {
    last_offset_ = line_start;
    last_column_ = 1;
  }
  const auto starts_character = [](char c) { return !is_continuation(static_cast<unsigned char>(c)); };
  last_column_ +=
      static_cast<int>(std::count_if(text_.begin() + last_offset_, text_.begin() + offset, starts_character));
  last_offset_ = offset;
  place.column = last_column_;
  return place;
}

std::optional<SourceText::BadByte> SourceText::first_bad_byte() const {
  bool indenting = true;  // nothing but blanks so far on this line
  for (size_t i = 0; i < text_.size();) {
    const auto c = static_cast<unsigned char>(text_[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      return BadByte{i, fmt::format("found the control character 0x{:02x}, wanted text", c)};
    }
    if (c == '\n') indenting = true;
    if (c == '\t' && indenting && !is_blank_from(text_, i)) {
      return BadByte{i, "found a tab in the indentation, wanted spaces"};
    }
    indenting = indenting && (c == ' ' || c == '\n' || c == '\t');
    const size_t length = sequence_length(text_, i);
    if (length == 0) return BadByte{i, fmt::format("found the byte 0x{:02x}, wanted UTF-8", c)};
    i += length;
  }
  return std::nullopt;
}

std::string shorten(std::string_view text, size_t characters) {
  std::string shown;
  size_t count = 0;
  for (const char c : text) {
    if (!is_continuation(static_cast<unsigned char>(c)) && ++count > characters) return shown + "...";
    shown += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return shown;
}

}  // namespace ropeway
