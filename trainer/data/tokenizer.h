// Text to token ids and back. The byte-level kind: id = byte value, so every text is representable and bits
// per byte are directly comparable. Read from the model directory's tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Adds no token the tokenizer's own rules would not (no BOS for the byte-level kind).
  virtual std::vector<int32_t> encode(std::string_view text) const = 0;
  virtual std::string decode(const std::vector<int32_t>& ids) const = 0;
  virtual int64_t vocab_size() const = 0;
  virtual std::string fingerprint() const = 0;  // names the tokenizer in caches and histories
};

// Throws kMissingInput / kBadData naming the file and what is supported: a byte-level BPE with an empty merge
// list whose 256 byte characters have ids 0..255.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir);
std::unique_ptr<Tokenizer> make_byte_tokenizer();
// tokenizer.json of the byte-level kind with these special tokens (ids from 256 on), readable by Hugging Face
// tokenizers.
std::string byte_tokenizer_json(const std::vector<std::string>& special_tokens);

}  // namespace ropeway
