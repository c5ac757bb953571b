// Sets of characters as PCRE2 writes them, and those that have names in Oniguruma: \w, \h, [:punct:],
// \p{Letter}, ... with the characters that Oniguruma gives them under Unicode. Which characters there are is
// for PCRE2 to know; newer ones have stand-ins (newer_characters.h). Inside this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

struct CharacterSet {
  std::string members;              // as they stand between [ and ]
  std::vector<std::string> others;  // expressions of one character each, which a class cannot hold
  bool negated = false;
  bool cased = false;  // ignoring case may add characters that it lacks

  bool empty() const { return members.empty() && others.empty(); }
  // An expression that matches one character of the set.
  std::string expression() const;
  // The union with another set. This one is not negated.
  void add(const CharacterSet& more);
  void add_range(uint32_t first, uint32_t last);
};

CharacterSet complement_of(CharacterSet set);

// \d \D \h \H \s \S \w \W; nullopt for every other letter. Outside a class \w has six fractions and
// superscripts more, as the boundaries of words have.
std::optional<CharacterSet> set_of_escape(uint32_t letter, bool in_class);
// A name inside [: :].
std::optional<CharacterSet> set_of_posix_name(std::string_view name);
// A name inside \p{ }: a general category or property, short or long, or a script. Case, spaces, _ and - do
// not matter. nullopt for what cannot be a name; whether there is such a script, PCRE2 knows.
std::optional<CharacterSet> set_of_property(std::string_view name, bool in_class);

}  // namespace ropeway
