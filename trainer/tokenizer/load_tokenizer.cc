#include "trainer/tokenizer/load_tokenizer.h"

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/bpe_tokenizer.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"
#include "trainer/tokenizer/sentencepiece_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kLimits = {.max_bytes = 64 << 20};  // the largest vocabulary seen takes half of that

std::unique_ptr<Tokenizer> tokenizer_of(const JsonValue& root, const std::string& sha256) {
  if (auto special_tokens = special_tokens_of_byte_level(root)) {
    return make_byte_tokenizer_with(std::move(*special_tokens));
  }
  return make_bpe_tokenizer(root, fmt::format("tokenizer.json-2+{}", sha256));
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& model_dir) {
  const fs::path json = model_dir / "tokenizer.json", model = model_dir / "tokenizer.model";
  if (fs::exists(json)) {
    return tokenizer_of(read_strict_json(json, kLimits), sha256_of_file(json));
  }
  if (fs::exists(model)) return load_sentencepiece_tokenizer(model);
  fail(ErrorKind::kMissingInput, "{}: neither {} nor {} is there", model_dir.string(), json.string(),
       model.filename().string());
}

std::unique_ptr<Tokenizer> tokenizer_of_json(const std::string& text, const std::string& where) {
  return tokenizer_of(parse_strict_json(text, where, kLimits), sha256_of(text));
}

void require_tokenizer_fits(const Tokenizer& tokenizer, int64_t embedding_rows, const std::string& model) {
  if (tokenizer.vocab_size() <= embedding_rows) return;
  fail(ErrorKind::kBadData, "{}: the tokenizer has {} tokens, the embedding {}", model,
       tokenizer.vocab_size(), embedding_rows);
}

}  // namespace ropeway
