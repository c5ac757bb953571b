// The tokenizer between GGUF metadata (tokenizer.ggml.*) and the files of a Hugging Face directory.
#pragma once

#include <map>
#include <string>

#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway {

// tokenizer.json, tokenizer_config.json (the chat template among it: text, never executed) and
// generation_config.json, by name; without the first two when the file says it has no tokenizer. Kinds:
//   gpt2   byte-level BPE with merges; how text is cut into words follows from tokenizer.ggml.pre
//   llama  SentencePiece BPE: scores become merges, bytes are the fallback, a blank is put before the text
// Throws kBadData naming file and key: another kind, unknown pre, tokens that occur twice, merges of unknown
// tokens, special ids beyond the list.
std::map<std::string, std::string> read_gguf_tokenizer(const GgufFile& file);

// tokenizer.ggml.token_type
enum class GgufTokenType : int {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

}  // namespace ropeway
