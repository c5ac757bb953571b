// The text of one JSON object of a corpus: the member "text", read as strictly as JSON is; the other members
// are passed over (json_cursor.h).
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
// object, "WHERE: text: ..." when the member is missing, no string, or there twice; for an example of
// instruction data beside it, of which one of the two would be lost; for an Alpaca example, with a line that
// makes one of turns of it.
JsonText text_of_json(std::string_view object, const std::string& where);

}  // namespace ropeway
