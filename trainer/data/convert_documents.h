// Documents from one form into another: token ids as .npy (one document) or Megatron's .bin with its .idx, and lines
// of JSON, with a tokenizer also as text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace ropeway {

class Tokenizer;

struct ConvertOptions {
  // Encodes texts, and writes documents out as text: {"text": ...}. Null: files of ids are read, and lines are
  // {"input_ids": [...], "labels": [...]}, both the same.
  const Tokenizer* tokenizer = nullptr;
  bool join = false;     // documents to one after the other, where the target holds one
  bool replace = false;  // a target that is there
};

struct ConvertedDocuments {
  int64_t documents = 0, tokens = 0;
  int id_bytes = 0;  // of an id in the target; 0: lines of JSON
};

// target: its ending says the form: .npy; .bin or .idx (both are written, bin first, under the same name); .jsonl. The
// target appears whole or not at all. source: a file of ids or of text, as training takes it. Throws kUsage for another
// ending and for text without a tokenizer, kCannotCreate for a target that is there, kBadData for a source that is
// damaged, of instruction data, or of several documents where one is wanted.
ConvertedDocuments convert_documents(const std::filesystem::path& source, const std::filesystem::path& target,
                                     const ConvertOptions& options);

}  // namespace ropeway
