// The regular expressions of tokenizer files, which are Oniguruma's (oniguruma.h), on PCRE2 (JIT-compiled,
// Unicode properties, UTF-8; characters newer than PCRE2's Unicode: newer_characters.h). A pattern comes from a file that anybody may have written: steps per match and
// time per text are bounded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ropeway {

class Regex {
 public:
  // `where`: file and key, for errors. Throws kBadData when the pattern does not compile.
  Regex(const std::string& pattern, std::string where);

  // Calls found(begin, end) for the matches in `text` (valid UTF-8) from left to right; an empty match right
  // behind the match before it is no match. Throws kBadData when the pattern needs too many steps.
  void for_each_match(std::string_view text, const std::function<void(size_t, size_t)>& found) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
  std::string where_;
  bool takes_stand_ins_ = true;
};

}  // namespace ropeway
