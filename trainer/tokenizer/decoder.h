// The "decoder" of tokenizer.json: from the tokens' texts to the text.
//   Sequence, ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace; others are refused by name.
// Bytes that form no UTF-8 stay as they are (Hugging Face tokenizers puts U+FFFD for them).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trainer/files/strict_json.h"

namespace ropeway {

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

// In the order in which they apply.
std::vector<std::unique_ptr<Decoder>> read_decoders(const JsonValue& value);

}  // namespace ropeway
