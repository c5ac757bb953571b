#include "trainer/tokenizer/reading_special_tokens.h"

#include <fmt/format.h>

#include <utility>

namespace ropeway {
namespace {

class ReadingSpecialTokens : public Tokenizer {
 public:
  explicit ReadingSpecialTokens(std::unique_ptr<Tokenizer> inner) : inner_(std::move(inner)) {}

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    EncodeOptions reading = options;
    reading.read_special_tokens = true;
    return inner_->encode(text, reading);
  }
  std::string decode(const std::vector<int32_t>& ids) const override { return inner_->decode(ids); }
  int64_t vocab_size() const override { return inner_->vocab_size(); }
  std::string fingerprint() const override { return fmt::format("{}+special", inner_->fingerprint()); }

 private:
  std::unique_ptr<Tokenizer> inner_;
};

}  // namespace

std::unique_ptr<Tokenizer> reading_special_tokens(std::unique_ptr<Tokenizer> tokenizer) {
  return std::make_unique<ReadingSpecialTokens>(std::move(tokenizer));
}

}  // namespace ropeway
