// The "normalizer" of tokenizer.json: changes the text before it is cut.
//   Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace; others are refused by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trainer/files/strict_json.h"

namespace ropeway {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(std::string& text) const = 0;  // valid UTF-8 in and out
};

// In the order in which they apply.
std::vector<std::unique_ptr<Normalizer>> read_normalizers(const JsonValue& value);

}  // namespace ropeway
