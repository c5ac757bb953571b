#include "trainer/config/source_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

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
  const auto starts_character = [](char c) { return !is_utf8_continuation(c); };
  last_column_ +=
      static_cast<int>(std::count_if(text_.begin() + last_offset_, text_.begin() + offset, starts_character));
  last_offset_ = offset;
  place.column = last_column_;
  return place;
}

std::optional<SourceText::BadByte> SourceText::first_bad_byte() const {
  bool indenting = true;  // nothing but blanks so far on this line
  const size_t valid = valid_utf8_bytes(text_);
  for (size_t i = 0; i < text_.size(); ++i) {
    const auto c = static_cast<unsigned char>(text_[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      return BadByte{i, fmt::format("found the control character 0x{:02x}, wanted text", c)};
    }
    if (c == '\n') indenting = true;
    if (c == '\t' && indenting && !is_blank_from(text_, i)) {
      return BadByte{i, "found a tab in the indentation, wanted spaces"};
    }
    indenting = indenting && (c == ' ' || c == '\n' || c == '\t');
    if (i == valid) return BadByte{i, fmt::format("found the byte 0x{:02x}, wanted UTF-8", c)};
  }
  return std::nullopt;
}

}  // namespace ropeway
