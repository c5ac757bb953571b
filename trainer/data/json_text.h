// The text of one JSON object of a corpus: the member "text", read as strictly as JSON is; the other members
// are passed over, whatever JSON-like writers put there (NaN, Infinity, repeated keys, any depth). A parser of
// our own, as those at hand refuse NaN in members that nobody reads, or lone surrogates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropeway {

struct JsonText {
  std::string text;
  bool is_null = false;         // "text": null
  int64_t lone_surrogates = 0;  // \ud83d without its other half: U+FFFD, one for each
};

// object: well-formed UTF-8. where: names it in errors. Throws kBadData "WHERE: byte N: ..." for what is no
// object, "WHERE: text: ..." when the member is missing, no string, or there twice.
JsonText text_of_json(std::string_view object, const std::string& where);

// Whether this is an object with a "text" that is a string or null: what tells JSON lines by their content.
bool is_json_with_text(std::string_view object);

}  // namespace ropeway
