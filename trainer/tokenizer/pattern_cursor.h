// A pattern of a tokenizer file, read from left to right. Inside this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {

class PatternCursor {
 public:
  // The pattern is valid UTF-8 and outlives the cursor. where: its file and key, for errors.
  PatternCursor(std::string_view pattern, std::string where) : pattern_(pattern), where_(std::move(where)) {}

  bool done() const { return at_ == pattern_.size(); }
  bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  char peek(size_t ahead = 0) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0'; }
  bool has_further(std::string_view text) const { return pattern_.find(text, at_) != std::string_view::npos; }

  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  uint32_t take_character() {
    if (done()) refuse("an end in mid-construct");
    return next_code_point(pattern_, at_);
  }
  // The text up to `end`, which is passed as well.
  std::string_view take_until(std::string_view end, const std::string& construct) {
    const size_t found = pattern_.find(end, at_);
    if (found == std::string_view::npos) refuse(construct + " without an end");
    const std::string_view text = pattern_.substr(at_, found - at_);
    at_ = found + end.size();
    return text;
  }
  size_t position() const { return at_; }
  void go_back(size_t position) { at_ = position; }

  // Throws kBadData: the pattern has something that is not translated.
  [[noreturn]] void refuse(const std::string& construct) const {
    fail(ErrorKind::kBadData, "{}: {} in the pattern '{}' is not supported", where_, construct,
         shorten(pattern_, 100));
  }

 private:
  std::string_view pattern_;
  std::string where_;
  size_t at_ = 0;
};

}  // namespace ropeway
