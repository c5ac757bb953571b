// The tokenizer of a model directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

// From the folder's tokenizer.json, else its tokenizer.model. Throws kMissingInput when neither is there,
// kBadData naming file, key and what is supported.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir);

// From the text of a tokenizer.json; `where` names it in errors.
std::unique_ptr<Tokenizer> tokenizer_of_json(const std::string& text, const std::string& where);

// Throws kBadData naming both sizes when a token would lie outside the embedding.
void require_tokenizer_fits(const Tokenizer& tokenizer, int64_t embedding_rows, const std::string& model);

}  // namespace ropeway
