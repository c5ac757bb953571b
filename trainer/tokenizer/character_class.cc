#include "trainer/tokenizer/character_class.h"

#include "trainer/tokenizer/case_folds.h"

namespace ropeway {
namespace {

constexpr int kMaxClassDepth = 20;

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

bool is_letter_or_digit(uint32_t code) {
  return code < 0x80 && (digit_value(static_cast<char>(code)) < 99 || (code >= 'g' && code <= 'z') ||
                         (code >= 'G' && code <= 'Z'));
}

// Up to `most` digits; nullopt when there is none.
std::optional<uint32_t> take_digits(PatternCursor& cursor, uint32_t base, int most) {
  std::optional<uint32_t> value;
  for (int i = 0; i < most && digit_value(cursor.peek()) < static_cast<int>(base); ++i) {
    value = value.value_or(0) * base + static_cast<uint32_t>(digit_value(cursor.peek()));
    cursor.take_character();
  }
  return value;
}

uint32_t require_code(PatternCursor& cursor, std::optional<uint32_t> code, const char* escape) {
  if (!code || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) {
    cursor.refuse(fmt::format("{} without the number of a character", escape));
  }
  return *code;
}

// To Oniguruma such a number is a byte, not a character.
uint32_t require_ascii(PatternCursor& cursor, std::optional<uint32_t> code, const char* escape) {
  if (!code || *code > 0x7F) {
    cursor.refuse(fmt::format("{} that is no ASCII character (wanted \\x{{...}})", escape));
  }
  return *code;
}

uint32_t take_number(PatternCursor& cursor, const char* escape, uint32_t base) {
  const auto code = take_digits(cursor, base, 11);
  if (!cursor.take("}")) cursor.refuse(fmt::format("{} that is not one number", escape));
  return require_code(cursor, code, escape);
}

class ClassReader {
 public:
  ClassReader(PatternCursor& cursor, bool ignore_case) : cursor_(cursor), ignore_case_(ignore_case) {}

  CharacterSet read(int depth) {
    if (depth > kMaxClassDepth) cursor_.refuse(fmt::format("more than {} nested classes", kMaxClassDepth));
    const bool negated = cursor_.take("^");
    std::vector<CharacterSet> operands(1);
    // A ] in front stands for itself.
    if (cursor_.take("]")) {
      if (!cursor_.has_further("]")) cursor_.refuse("an empty class");
      operands.back().add_range(']', ']');
    } else if (cursor_.next_is("-") && cursor_.peek(1) != ']') {
      cursor_.take("-");
      if (cursor_.next_is("-")) cursor_.refuse("a class that begins with --");
      operands.back().add_range('-', '-');
    }
    while (!cursor_.take("]")) {
      if (cursor_.done()) cursor_.refuse("a class without an end");
      if (cursor_.take("&&")) {
        operands.emplace_back();
      } else {
        read_item(operands.back(), depth);
      }
    }
    CharacterSet set = intersection_of(operands);
    if (ignore_case_ && !set.others.empty()) cursor_.refuse("a class within a class under (?i)");
    if (ignore_case_ && set.cased) cursor_.refuse("a class of letters by a property under (?i)");
    return negated ? complement_of(std::move(set)) : set;
  }

 private:
  CharacterSet intersection_of(std::vector<CharacterSet>& operands) const {
    for (const CharacterSet& operand : operands) {
      if (operand.empty()) cursor_.refuse("&& with nothing on one side");
    }
    if (operands.size() == 1) return std::move(operands.front());
    CharacterSet set;
    std::string both = "(?:";
    for (const CharacterSet& operand : operands) {
      set.cased = set.cased || operand.cased;
      const bool last = &operand == &operands.back();
      both += last ? operand.expression() : fmt::format("(?={})", operand.expression());
    }
    set.others.push_back(both + ")");
    return set;
  }

  void read_item(CharacterSet& set, int depth) {
    if (cursor_.next_is("[:") && cursor_.has_further(":]")) return set.add(take_posix());
    if (cursor_.take("[")) return set.add(ClassReader(cursor_, ignore_case_).read(depth + 1));
    if (cursor_.next_is("-") && cursor_.peek(1) != ']') cursor_.refuse("a - between the parts of a class");
    CharacterSet named;
    const std::optional<uint32_t> first = take_character(named);
    if (!first) {
      if (cursor_.next_is("-") && cursor_.peek(1) != ']') cursor_.refuse("a range that begins with a set");
      return set.add(named);
    }
    uint32_t last = *first;
    if (cursor_.next_is("-") && cursor_.peek(1) != ']') {
      cursor_.take("-");
      if (cursor_.next_is("[") || cursor_.next_is("&&")) cursor_.refuse("a range without an end");
      const auto end = take_character(named);
      if (!end || *end < *first) cursor_.refuse("a range without an end, or with ends in the wrong order");
      last = *end;
    }
    if (ignore_case_) require_short_folds(*first, last);
    set.add_range(*first, last);
  }

  // nullopt when it is a set, which `named` gets.
  std::optional<uint32_t> take_character(CharacterSet& named) {
    if (!cursor_.take("\\")) return cursor_.take_character();
    const uint32_t letter = cursor_.take_character();
    if (const auto code = take_escaped_character(cursor_, letter, true)) return code;
    if (auto set = take_escaped_set(cursor_, letter, true)) {
      named = std::move(*set);
      return std::nullopt;
    }
    cursor_.refuse(fmt::format("\\{} inside []", static_cast<char>(letter)));
  }

  CharacterSet take_posix() {
    cursor_.take("[:");
    const bool negated = cursor_.take("^");
    const std::string name(cursor_.take_until(":]", "[:"));
    auto set = set_of_posix_name(name);
    if (!set) cursor_.refuse(fmt::format("[:{}:]", shorten(name, 20)));
    return negated ? complement_of(std::move(*set)) : *set;
  }

  void require_short_folds(uint32_t first, uint32_t last) const {
    for (uint32_t code = first; code <= last; ++code) {
      if (folds_to_several(code)) {
        cursor_.refuse(fmt::format("U+{:04X} under (?i), which stands for several characters", code));
      }
    }
  }

  PatternCursor& cursor_;
  bool ignore_case_;
};

}  // namespace

std::optional<uint32_t> take_escaped_character(PatternCursor& cursor, uint32_t letter, bool in_class) {
  switch (letter) {
    case 'a':
      return 0x07;
    case 'e':
      return 0x1B;
    case 'f':
      return 0x0C;
    case 'n':
      return 0x0A;
    case 'r':
      return 0x0D;
    case 't':
      return 0x09;
    case 'v':
      return 0x0B;
    case 'x':
      return cursor.take("{") ? take_number(cursor, "\\x{", 16)
                              : require_ascii(cursor, take_digits(cursor, 16, 2), "\\x");
    case 'u': {
      const size_t begin = cursor.position();
      const auto code = take_digits(cursor, 16, 4);
      return require_code(cursor, cursor.position() - begin == 4 ? code : std::nullopt, "\\u");
    }
    case 'o':
      if (!cursor.take("{")) return std::nullopt;
      return take_number(cursor, "\\o{", 8);
    case '0':
      return take_digits(cursor, 8, 2).value_or(0);
    case 'b':
      return in_class ? std::optional<uint32_t>(0x08) : std::nullopt;
    default:
      break;
  }
  return is_letter_or_digit(letter) ? std::nullopt : std::optional(letter);
}

std::optional<CharacterSet> take_escaped_set(PatternCursor& cursor, uint32_t letter, bool in_class) {
  if (letter != 'p' && letter != 'P') return set_of_escape(letter, in_class);
  const char* const escape = letter == 'p' ? "\\p" : "\\P";
  // Without braces Oniguruma takes it for the letter.
  if (!cursor.take("{")) cursor.refuse(fmt::format("{} without {{}}", escape));
  const bool negated = cursor.take("^") != (letter == 'P');
  const std::string name(cursor.take_until("}", fmt::format("{}{{", escape)));
  auto set = set_of_property(name, in_class);
  if (!set) cursor.refuse(fmt::format("the property '{}'", shorten(name, 40)));
  return negated ? complement_of(std::move(*set)) : *set;
}

CharacterSet take_class(PatternCursor& cursor, bool ignore_case) {
  return ClassReader(cursor, ignore_case).read(1);
}

}  // namespace ropeway
