// The byte-level tokenizer and its tokenizer.json.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

inline constexpr int64_t kByteValues = 256;

// Special token i has id 256 + i.
std::unique_ptr<Tokenizer> make_byte_tokenizer_with(std::vector<std::string> special_tokens);

// The special tokens when the file describes a byte-level tokenizer; nullopt when it is one of another kind,
// well-formed or not.
std::optional<std::vector<std::string>> special_tokens_of_byte_level(const JsonValue& root);

}  // namespace ropeway
