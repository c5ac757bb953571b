// The "post_processor" of tokenizer.json as far as it touches ids: the special tokens in front of a text and
// behind it.
//   Sequence, ByteLevel (moves offsets only), TemplateProcessing; others are refused by name.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/files/strict_json.h"

namespace ropeway {

struct SpecialTokenTemplate {
  std::vector<int32_t> before, after;
};
// Ids must lie in [0, vocab_size).
SpecialTokenTemplate read_template(const JsonValue& value, int64_t vocab_size);

}  // namespace ropeway
