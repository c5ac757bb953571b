// The byte-level tokenizer: an id is a byte, special tokens follow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

inline constexpr int64_t kByteValues = 256;

std::unique_ptr<Tokenizer> make_byte_tokenizer();  // without special tokens
// Special token i has id 256 + i.
std::unique_ptr<Tokenizer> make_byte_tokenizer_with(std::vector<std::string> special_tokens);

}  // namespace ropeway
