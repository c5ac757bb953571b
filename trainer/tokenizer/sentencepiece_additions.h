// Tokens that Hugging Face's files add to a SentencePiece model: those of added_tokens.json and of
// added_tokens_decoder in tokenizer_config.json. Inside this folder.
#pragma once

#include <filesystem>
#include <vector>

#include "trainer/tokenizer/added_tokens.h"
#include "trainer/tokenizer/sentencepiece_model.h"

namespace ropeway {

// By id. Where both files have an id, tokenizer_config.json says what it is; a token of added_tokens.json is
// special when tokenizer_config.json or special_tokens_map.json names it as one. Throws kBadData naming file
// and key: an id or text twice, an id that is a piece of another text, unless that piece marks a text too.
std::vector<AddedToken> read_sentencepiece_additions(const SentencePieceModel& model,
                                                     const std::filesystem::path& folder);

}  // namespace ropeway
