// SentencePiece's tokenizer.model, cut into pieces by Debian's libsentencepiece (sentencepiece_library.h).
#pragma once

#include <filesystem>
#include <memory>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

// The template is that of Hugging Face's Llama: a BOS in front where the model has one; add_bos_token and
// add_eos_token of a tokenizer_config.json beside it say otherwise. Tokens that are added to the model
// (sentencepiece_additions.h) are cut out of the text first. As in transformers 5 the blank that
// SentencePiece puts before a text stands before the first part only; before every one with "legacy": true,
// and where the model removes the blanks of a text.
// Throws kMissingInput, kBadData, kLauncher (no library).
std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::filesystem::path& model_file);

}  // namespace ropeway
