// The "pre_tokenizer" of tokenizer.json: cuts the text into pieces, over whose borders nothing merges.
//   Sequence, ByteLevel, Split, Digits, Metaspace, Punctuation, WhitespaceSplit; others are refused by name.
#pragma once

#include <memory>
#include <vector>

#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/pieces.h"

namespace ropeway {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // `to` is empty but for at_start, which is that of `from`.
  virtual void apply(const Pieces& from, Pieces& to) const = 0;
};

// In the order in which they apply.
std::vector<std::unique_ptr<PreTokenizer>> read_pre_tokenizers(const JsonValue& value);

}  // namespace ropeway
