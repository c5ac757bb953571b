// What the byte-level tokenizer and the reader of its tokenizer.json share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/data/tokenizer.h"

namespace ropeway {

inline constexpr int64_t kByteValues = 256;

// Special token i has id 256 + i.
std::unique_ptr<Tokenizer> make_byte_tokenizer_with(std::vector<std::string> special_tokens);

}  // namespace ropeway
