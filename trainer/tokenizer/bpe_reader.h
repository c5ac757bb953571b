// The "model" of tokenizer.json, type BPE: its vocabulary and merge rules, checked.
#pragma once

#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/bpe_model.h"

namespace ropeway {

// No vocabulary has anywhere near as many tokens; bounds what an id in a file can make us allocate.
inline constexpr int64_t kMaxTokenId = (1 << 21) - 1;

// Throws kBadData naming the key: an id twice or beyond the bound, a merge of or into a token that the
// vocabulary lacks, options that are not supported (dropout, affixes of sub-words).
BpeModel read_bpe_model(const JsonValue& model);

}  // namespace ropeway
