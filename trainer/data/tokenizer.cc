// The byte-level tokenizer: token i < 256 is byte i. Any byte string is a text: NUL, CRLF and invalid UTF-8
// pass through unchanged. The text of a special token is never read as that token: a document cannot smuggle
// one in, and the number of tokens of a text is always its number of bytes (Hugging Face:
// encode_special_tokens = true).
#include "trainer/data/tokenizer.h"

#include "kernels/base/error.h"
#include "trainer/data/byte_tokenizer.h"
#include "trainer/io/files.h"

namespace ropeway {
namespace {

class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> special_tokens)
      : special_tokens_(std::move(special_tokens)) {}

  std::vector<int32_t> encode(std::string_view text) const override {
    std::vector<int32_t> ids(text.size());
    for (size_t i = 0; i < text.size(); ++i) ids[i] = static_cast<unsigned char>(text[i]);
    return ids;
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    text.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size()) {
        fail(ErrorKind::kBadData, "token {} has id {}, outside the vocabulary [0, {})", i, ids[i],
             vocab_size());
      }
      if (ids[i] < kByteValues) {
        text.push_back(static_cast<char>(ids[i]));
      } else {
        text += special_tokens_[static_cast<size_t>(ids[i] - kByteValues)];
      }
    }
    return text;
  }

  int64_t vocab_size() const override { return kByteValues + static_cast<int64_t>(special_tokens_.size()); }

  std::string fingerprint() const override {
    std::string described;
    for (const std::string& token : special_tokens_) described += fmt::format("{}:{}", token.size(), token);
    return fmt::format("byte-level-1+{}:{}", special_tokens_.size(), sha256_of(described).substr(0, 16));
  }

 private:
  std::vector<std::string> special_tokens_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer_with(std::vector<std::string> special_tokens) {
  return std::make_unique<ByteTokenizer>(std::move(special_tokens));
}

std::unique_ptr<Tokenizer> make_byte_tokenizer() { return make_byte_tokenizer_with({}); }

}  // namespace ropeway
