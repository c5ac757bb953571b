#include "trainer/tokenizer/character_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace ropeway {
namespace {

// White_Space without U+0020, which stands apart so that no pattern is longer than it must be. PCRE2's own \s
// has U+180E as well.
constexpr std::string_view kWhiteSpace =
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";
// What Unicode 16 adds to two properties among the characters that Unicode 14 has.
#define NEW_ALPHABETIC "\\x{363}-\\x{36F}\\x{C04}\\x{F82}\\x{F83}\\x{1DD3}-\\x{1DE6}\\x{11080}\\x{11081}"
#define NEW_LOWERCASE "\\x{10FC}\\x{A7F2}-\\x{A7F4}\\x{AB69}"
constexpr std::string_view kAlphabetic = "\\p{Alphabetic}" NEW_ALPHABETIC;
constexpr std::string_view kAlphanumeric = "\\p{Alphabetic}\\p{Nd}" NEW_ALPHABETIC;
constexpr std::string_view kLowercase = "\\p{Lowercase}" NEW_LOWERCASE;
#undef NEW_ALPHABETIC
#undef NEW_LOWERCASE
constexpr std::string_view kLatin1Words = "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";

struct NamedSet {
  std::string_view name, members;
  bool cased = false;
};

constexpr std::array kPosix = {
    NamedSet{"alnum", kAlphanumeric, true},
    NamedSet{"alpha", kAlphabetic, true},
    NamedSet{"ascii", "\\x{0}-\\x{7F}", true},
    NamedSet{"blank", "\\p{Zs}\\t"},
    NamedSet{"cntrl", "\\p{Cc}"},
    NamedSet{"digit", "\\p{Nd}"},
    NamedSet{"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
    NamedSet{"lower", kLowercase, true},
    NamedSet{"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}\\p{Cf}\\p{Co}"},
    NamedSet{"punct", "\\p{P}\\p{S}"},
    NamedSet{"space", kWhiteSpace},
    NamedSet{"upper", "\\p{Uppercase}", true},
    NamedSet{"word", kWord, true},
    NamedSet{"xdigit", kHexDigits},
};

struct Category {
  std::string_view short_name, long_name;
  bool cased = false;
};
constexpr std::array kCategories = {
    Category{"L", "letter", true},
    Category{"Lu", "uppercaseletter", true},
    Category{"Ll", "lowercaseletter", true},
    Category{"L&", "casedletter", true},
    Category{"L&", "lc", true},
    Category{"Lt", "titlecaseletter", true},
    Category{"Lm", "modifierletter", true},
    Category{"Lo", "otherletter", true},
    Category{"M", "mark", true},
    Category{"M", "combiningmark", true},
    Category{"Mn", "nonspacingmark", true},
    Category{"Mc", "spacingmark"},
    Category{"Me", "enclosingmark"},
    Category{"N", "number"},
    Category{"Nd", "decimalnumber"},
    Category{"Nl", "letternumber"},
    Category{"No", "othernumber"},
    Category{"P", "punctuation"},
    Category{"Pc", "connectorpunctuation"},
    Category{"Pd", "dashpunctuation"},
    Category{"Ps", "openpunctuation"},
    Category{"Pe", "closepunctuation"},
    Category{"Pi", "initialpunctuation"},
    Category{"Pf", "finalpunctuation"},
    Category{"Po", "otherpunctuation"},
    Category{"S", "symbol"},
    Category{"Sm", "mathsymbol"},
    Category{"Sc", "currencysymbol"},
    Category{"Sk", "modifiersymbol"},
    Category{"So", "othersymbol"},
    Category{"Z", "separator"},
    Category{"Zs", "spaceseparator"},
    Category{"Zl", "lineseparator"},
    Category{"Zp", "paragraphseparator"},
    Category{"C", "other"},
    Category{"Cc", "control"},
    Category{"Cf", "format"},
    Category{"Cs", "surrogate"},
    Category{"Co", "privateuse"},
    Category{"Cn", "unassigned"},
};

// Properties that PCRE2 has under the same name.
constexpr std::array<std::string_view, 11> kProperties = {"any",
                                                          "emoji",
                                                          "emojicomponent",
                                                          "emojimodifier",
                                                          "emojimodifierbase",
                                                          "emojipresentation",
                                                          "extendedpictographic",
                                                          "ideographic",
                                                          "math",
                                                          "uppercase",
                                                          "whitespace"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string result;
  for (const char c : text) result += lower(c);
  return result;
}

std::string code_text(uint32_t code) {
  const bool plain =
      (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
  return plain ? std::string(1, static_cast<char>(code)) : fmt::format("\\x{{{:X}}}", code);
}

CharacterSet set_of(std::string_view members, bool cased) {
  CharacterSet set;
  set.members = std::string(members);
  set.cased = cased;
  return set;
}

}  // namespace

std::string CharacterSet::expression() const {
  if (others.empty()) return fmt::format("[{}{}]", negated ? "^" : "", members);
  std::vector<std::string> parts = others;
  if (!members.empty()) parts.insert(parts.begin(), fmt::format("[{}]", members));
  const std::string any_of_them = fmt::format("{}", fmt::join(parts, "|"));
  return negated ? fmt::format("(?:(?!{})(?s:.))", any_of_them) : fmt::format("(?:{})", any_of_them);
}

void CharacterSet::add(const CharacterSet& more) {
  cased = cased || more.cased;
  if (more.negated) {
    others.push_back(more.expression());
    return;
  }
  members += more.members;
  others.insert(others.end(), more.others.begin(), more.others.end());
}

void CharacterSet::add_range(uint32_t first, uint32_t last) {
  members += code_text(first);
  if (last != first) members += fmt::format("-{}", code_text(last));
}

CharacterSet complement_of(CharacterSet set) {
  const bool one_property = set.others.empty() && !set.negated && set.members.starts_with("\\p{") &&
                            set.members.find('}') == set.members.size() - 1;
  if (one_property) {
    set.members[1] = 'P';
  } else {
    set.negated = !set.negated;
  }
  return set;
}

std::optional<CharacterSet> set_of_escape(uint32_t letter, bool in_class) {
  switch (letter) {
    case 'd':
      return set_of("\\p{Nd}", false);
    case 'h':
      return set_of(kHexDigits, false);
    case 's':
      return set_of(kWhiteSpace, false);
    case 'w':
      return set_of(in_class ? std::string(kWord) : fmt::format("{}{}", kWord, kLatin1Words), true);
    case 'D':
    case 'H':
    case 'S':
    case 'W':
      return complement_of(*set_of_escape(letter - 'D' + 'd', in_class));
    default:
      return std::nullopt;
  }
}

std::optional<CharacterSet> set_of_posix_name(std::string_view name) {
  for (const NamedSet& known : kPosix) {
    if (known.name == lowered(name)) return set_of(known.members, known.cased);
  }
  return std::nullopt;
}

std::optional<CharacterSet> set_of_property(std::string_view name, bool in_class) {
  std::string bare;
  for (const char c : lowered(name)) {
    if (c != ' ' && c != '_' && c != '-') bare += c;
  }
  if (bare.empty() || !std::all_of(bare.begin(), bare.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
    return std::nullopt;
  }
  if (bare == "punct") bare = "p";
  if (bare == "alphabetic") bare = "alpha";
  if (bare == "lowercase") bare = "lower";
  if (bare == "word") return set_of_escape('w', in_class);
  for (const Category& category : kCategories) {
    if (bare == category.long_name || bare == lowered(category.short_name)) {
      return set_of(fmt::format("\\p{{{}}}", category.short_name), category.cased);
    }
  }
  if (auto set = set_of_posix_name(bare)) return set;
  if (bare == "assigned") return set_of("\\P{Cn}", true);
  if (std::find(kProperties.begin(), kProperties.end(), bare) != kProperties.end()) {
    return set_of(fmt::format("\\p{{{}}}", bare), true);
  }
  // Without "sc:" PCRE2 would take Script_Extensions.
  return set_of(fmt::format("\\p{{sc:{}}}", bare), true);
}

}  // namespace ropeway
