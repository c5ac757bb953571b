// The byte-level tokenizer as a tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer/files/strict_json.h"

namespace ropeway {

// The special tokens when the file describes a byte-level tokenizer; nullopt when it is one of another kind,
// well-formed or not.
std::optional<std::vector<std::string>> special_tokens_of_byte_level(const JsonValue& root);

// tokenizer.json of the byte-level kind with these special tokens (ids from 256 on), readable by Hugging Face
// tokenizers.
std::string byte_tokenizer_json(const std::vector<std::string>& special_tokens);

}  // namespace ropeway
