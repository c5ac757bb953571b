#include "trainer/data/located_text.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

// Goes before the text and is cut off again. A letter: no pattern that cuts text into words joins it with a
// blank or a line's end behind it.
constexpr std::string_view kBefore = "a";

}  // namespace

TokenRange LocatedText::tokens_of(int64_t begin, int64_t bytes) const {
  const auto first = std::ranges::upper_bound(ends, begin);
  const auto last = std::ranges::lower_bound(ends, begin + bytes);
  const int64_t at = first - ends.begin(), until = std::min(last - ends.begin() + 1, std::ssize(ends));
  return {at, std::max<int64_t>(0, until - at)};
}

TokenRange LocatedText::find(std::string_view part, int64_t nth) const {
  size_t at = text.find(part);
  for (int64_t i = 0; i < nth && at != std::string::npos; ++i) at = text.find(part, at + part.size());
  if (at == std::string::npos) {
    fail(ErrorKind::kBadData, "the tokenizer writes its tokens of a text with \"{}\" out as \"{}\"", part,
         text);
  }
  return tokens_of(static_cast<int64_t>(at), std::ssize(part));
}

LocatedText encode_further_text(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(fmt::format("{}{}", kBefore, text));
  LocatedText located;
  std::vector<int32_t> prefix;
  for (const int32_t id : ids) {
    prefix.push_back(id);
    located.text = tokenizer.decode(prefix);
    const int64_t end = std::ssize(located.text) - std::ssize(kBefore);
    if (end <= 0 && located.tokens.empty()) continue;
    located.tokens.push_back(id);
    located.ends.push_back(end);
  }
  located.text.erase(0, kBefore.size());
  return located;
}

}  // namespace ropeway
