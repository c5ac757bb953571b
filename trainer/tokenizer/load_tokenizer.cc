#include "kernels/base/error.h"
#include "trainer/io/files.h"
#include "trainer/io/strict_json.h"
#include "trainer/tokenizer/bpe_tokenizer.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kLimits = {.max_bytes = 64 << 20};  // the largest vocabulary seen takes half of that

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& model_dir) {
  const fs::path json = model_dir / "tokenizer.json", model = model_dir / "tokenizer.model";
  if (fs::exists(json)) {
    const JsonValue root = read_strict_json(json, kLimits);
    if (auto special_tokens = special_tokens_of_byte_level(root)) {
      return make_byte_tokenizer_with(std::move(*special_tokens));
    }
    return make_bpe_tokenizer(root, "tokenizer.json-1+" + sha256_of_file(json));
  }
  if (fs::exists(model)) {
    fail(ErrorKind::kBadData,
         "{}: SentencePiece models are not read, wanted {}. Convert: python3 -c \"from transformers import "
         "AutoTokenizer as T; T.from_pretrained('{}').save_pretrained('converted')\"",
         model.string(), json.string(), model_dir.string());
  }
  fail(ErrorKind::kMissingInput, "{}: {} is not there", model_dir.string(), json.string());
}

void require_tokenizer_fits(const Tokenizer& tokenizer, int64_t embedding_rows, const std::string& model) {
  if (tokenizer.vocab_size() <= embedding_rows) return;
  fail(ErrorKind::kBadData, "{}: the tokenizer has {} tokens, the embedding {}", model,
       tokenizer.vocab_size(), embedding_rows);
}

}  // namespace ropeway
