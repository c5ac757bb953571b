// A tokenizer.json with a BPE model:
//   added tokens -> normalizer -> added tokens with `normalized` -> pre-tokenizer -> BPE -> template
// Its "truncation" and "padding" are settings of a batch, not of the vocabulary, and are not read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

// fingerprint: of the file's content. Throws kBadData naming the file and the key.
std::unique_ptr<Tokenizer> make_bpe_tokenizer(const JsonValue& root, std::string fingerprint);

}  // namespace ropeway
