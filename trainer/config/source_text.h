// The bytes of a recipe: checked to be text, and byte offsets turned into lines and columns (in characters,
// from 1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/recipe_place.h"

namespace ropeway {

class SourceText {
 public:
  // Keeps a view of `text`, past its byte-order mark if it has one.
  SourceText(std::string_view text, int override_index);

  std::string_view text() const { return text_; }
  RecipePlace place(size_t offset) const;

  struct BadByte {
    size_t offset;
    std::string what;
  };
  // The first byte that is not UTF-8 (overlong forms, surrogates and values beyond U+10FFFF included) or a
  // control character other than tab, line feed and carriage return, or a tab that indents a line.
  std::optional<BadByte> first_bad_byte() const;

 private:
  std::string_view text_;
  int override_index_;
  std::vector<size_t> line_starts_;
  // The place asked for last: counting goes on from there, so that a file of one long line takes linear time.
  mutable size_t last_offset_ = 0;
  mutable int last_column_ = 1;
};

}  // namespace ropeway
