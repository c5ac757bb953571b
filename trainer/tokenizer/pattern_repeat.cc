#include "trainer/tokenizer/pattern_repeat.h"

namespace ropeway {
namespace {

constexpr int kMostRepeats = 65535;  // PCRE2's bound; Oniguruma's is 100000

std::string take_number(PatternCursor& cursor) {
  std::string digits;
  while (cursor.peek() >= '0' && cursor.peek() <= '9') {
    digits += static_cast<char>(cursor.take_character());
  }
  return digits;
}

int bound(const PatternCursor& cursor, const std::string& digits) {
  const int value = digits.size() > 6 ? kMostRepeats + 1 : std::stoi(digits);
  if (value > kMostRepeats) cursor.refuse(fmt::format("a repeat of more than {}", kMostRepeats));
  return value;
}

std::optional<Repeat> take_interval(PatternCursor& cursor) {
  const size_t begin = cursor.position();
  cursor.take("{");
  const std::string low = take_number(cursor);
  const bool fixed = !cursor.take(",");
  const std::string high = fixed ? low : take_number(cursor);
  if (!cursor.take("}") || (low.empty() && high.empty())) {
    cursor.go_back(begin);
    return std::nullopt;
  }
  const int least = low.empty() ? 0 : bound(cursor, low);
  if (fixed) return Repeat{fmt::format("{{{}}}", least), least == 0};
  if (!high.empty() && bound(cursor, high) < least) {
    cursor.refuse(fmt::format("the repeat {{{},{}}}, which is possessive,", low, high));
  }
  const bool lazy = cursor.take("?");
  return Repeat{fmt::format("{{{},{}}}{}", least, high, lazy ? "?" : ""), least == 0, lazy};
}

}  // namespace

std::optional<Repeat> take_repeat(PatternCursor& cursor) {
  if (cursor.next_is("{")) return take_interval(cursor);
  for (const char* sign : {"*", "+", "?"}) {
    if (!cursor.take(sign)) continue;
    const bool from_zero = *sign != '+';
    if (cursor.take("+")) return Repeat{fmt::format("{}+", sign), from_zero};
    if (cursor.take("?")) return Repeat{fmt::format("{}?", sign), from_zero, true};
    return Repeat{sign, from_zero};
  }
  return std::nullopt;
}

}  // namespace ropeway
