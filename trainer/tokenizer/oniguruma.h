// The regular expressions of tokenizer.json are Oniguruma's, in its own syntax (that of Ruby, more or less),
// under Unicode, without options. Here they become expressions of PCRE2 that match the same.
//
// Rewritten, because PCRE2 reads them otherwise or not at all:
//   X{n,m}+  a repeat of a repeat, not possessive       \v        a vertical tab
//   X{n}?    X{n} or nothing, not lazy                  \h        a hexadecimal digit
//   X{,n}    0 to n                                     \R        a line end, as one
//   (?m:.)   a dot that is any character                \N  \O    any character but a line feed; any
//   a(?i)b|c the option reaches over the |              \Z        the end, or a line feed before it
//   \uXXXX  \o{..}                                      \w \b \s [:punct:] ...  sets of other characters
//   \p{Letter} \p{^L} \p{Han}                           [a[^b]] [a-z&&[^aeiou]]
// Refused by name: back-references and calls, \G, \K, \X and \y, absent operators (?~...), conditions,
// callouts, options other than i, m and x, raw bytes (\xE4), a repeat of a lazy repeat, and under (?i) what
// stands for several characters ("ss" and U+00DF) or for a set of letters that is given by a property.
#pragma once

#include <string>

namespace ropeway {

// pattern: valid UTF-8. where: its file and key, for errors. Throws kBadData naming the construct that is not
// supported. The result is for PCRE2_UTF, PCRE2_UCP and PCRE2_MULTILINE.
std::string pcre2_of_oniguruma(const std::string& pattern, const std::string& where);

}  // namespace ropeway
