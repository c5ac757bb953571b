// Files of token ids that another program made: .npy (npy.h; one document) and Megatron's .bin with its .idx
// (megatron.h; as many documents as it says). The ids are taken as they are: nothing is put around them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace ropeway {

// The .bin of a Megatron data set that is named by its .bin, its .idx or what both have in common; any other
// path as it is.
std::filesystem::path token_id_file(const std::filesystem::path& named);

// "token ids (.npy)" or "token ids (Megatron)", by the content; "" for a file of neither kind. Throws
// kMissingInput for a .bin without its .idx.
std::string token_id_kind(const std::filesystem::path& file);

// SHA-256 of all that the ids depend on.
std::string sha256_of_token_ids(const std::filesystem::path& file);

// A part of a document's ids; document: from 1, 0 for a file that is one document; last: of the document.
using TakeIds = std::function<void(std::span<const int32_t> ids, int64_t document, bool last)>;

// In order, at most 2^20 ids at a time. Throws kBadData for a damaged file, for one without ids, and for an id
// outside [0, vocab_size): "FILE: document 3: index 17 holds token id 99, ..." (the index from 0).
void read_token_ids(const std::filesystem::path& file, int64_t vocab_size, const TakeIds& take);

}  // namespace ropeway
