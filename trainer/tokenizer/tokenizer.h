// Text to token ids and back. Kinds, told apart by what the model directory holds:
//   byte-level     a tokenizer.json with id = byte value: every byte string is representable, bits per byte
//                  are directly comparable
//   BPE            any other tokenizer.json of Hugging Face tokenizers with a BPE model (bpe_tokenizer.h)
//   SentencePiece  a tokenizer.model and no tokenizer.json (sentencepiece_tokenizer.h)
// Text that is not UTF-8: the byte-level kind keeps its bytes; the others read every maximal ill-formed part
// as U+FFFD, as Python's decode("utf-8", "replace") does, and give the ids of that text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/tokenizer/encode_options.h"

namespace ropeway {

// Safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Adds and reads no token beyond what the options allow. Throws kBadData naming the tokenizer's file when
  // its own pattern cannot cut the text within bounds.
  virtual std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  // Special tokens are written out. Throws kBadData for an id that is no token's.
  virtual std::string decode(const std::vector<int32_t>& ids) const = 0;
  virtual int64_t vocab_size() const = 0;       // largest id + 1
  virtual std::string fingerprint() const = 0;  // names the tokenizer in caches and histories
};

}  // namespace ropeway
