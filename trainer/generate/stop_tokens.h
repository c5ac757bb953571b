// The tokens that end a text, as a model's files name them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "trainer/data/document_marks.h"

namespace ropeway {

// "eos_token_id" of the folder's generation_config.json, a number or a list; otherwise that of its config.json,
// otherwise named.eos; ascending, each once, those below the size of the vocabulary. Throws kBadData for what
// is no id.
std::vector<int32_t> stop_tokens(const std::filesystem::path& folder, const NamedTokens& named,
                                 int64_t vocab_size);

}  // namespace ropeway
