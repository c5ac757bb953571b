// A tokenizer to which the spelling of a special token is always that token.
#pragma once

#include <memory>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

// As `tokenizer`, with EncodeOptions::read_special_tokens in force whatever the caller says; it has another
// fingerprint.
std::unique_ptr<Tokenizer> reading_special_tokens(std::unique_ptr<Tokenizer> tokenizer);

}  // namespace ropeway
