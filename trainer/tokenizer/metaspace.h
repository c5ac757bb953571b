// Metaspace: a space is written as a character that can be seen, U+2581 by custom, so that words carry the
// space in front of them. Its settings serve the step before the model and the one after it.
#pragma once

#include <string>

#include "trainer/files/strict_json.h"

namespace ropeway {

struct MetaspaceSettings {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement = "\xE2\x96\x81";  // one character
  Prepend prepend = Prepend::kAlways;        // to which pieces: every, that at the text's start, none
  bool split = true;                         // cut in front of every replacement
};
MetaspaceSettings read_metaspace(const JsonValue& value);

}  // namespace ropeway
