// Token i < 256 is byte i. Any byte string is a text: NUL, CRLF and invalid UTF-8 pass through unchanged, and
// unless special tokens are read the number of tokens of a text is its number of bytes.
#include "trainer/tokenizer/byte_tokenizer.h"

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/tokenizer/added_tokens.h"

namespace ropeway {
namespace {

AddedTokenFinder finder_of(const std::vector<std::string>& special_tokens) {
  std::vector<std::pair<std::string, AddedToken>> tokens;
  for (const std::string& text : special_tokens) {
    const auto id = static_cast<int32_t>(kByteValues) + static_cast<int32_t>(tokens.size());
    tokens.emplace_back(text, AddedToken{.content = text, .id = id, .special = true});
  }
  return AddedTokenFinder(std::move(tokens));
}

class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> special_tokens)
      : special_tokens_(std::move(special_tokens)), finder_(finder_of(special_tokens_)) {}

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<int32_t> ids;
    ids.reserve(text.size());
    const auto add_bytes = [&](std::string_view part) {
      for (const char byte : part) ids.push_back(static_cast<unsigned char>(byte));
    };
    if (!options.read_special_tokens) {
      add_bytes(text);
      return ids;
    }
    finder_.for_each_part(text, true, [&](size_t begin, size_t end, std::optional<int32_t> token) {
      if (token) return ids.push_back(*token);
      add_bytes(text.substr(begin, end - begin));
    });
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
  AddedTokenFinder finder_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer_with(std::vector<std::string> special_tokens) {
  return std::make_unique<ByteTokenizer>(std::move(special_tokens));
}

std::unique_ptr<Tokenizer> make_byte_tokenizer() { return make_byte_tokenizer_with({}); }

}  // namespace ropeway
