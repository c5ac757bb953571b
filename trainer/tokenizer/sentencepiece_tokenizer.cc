#include "trainer/tokenizer/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include "kernels/base/error.h"
#include "trainer/io/files.h"
#include "trainer/io/strict_json.h"
#include "trainer/tokenizer/added_tokens.h"
#include "trainer/tokenizer/template.h"
#include "trainer/tokenizer/utf8.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxModelBytes = 64 << 20;

SpecialTokenTemplate template_of(const sentencepiece::SentencePieceProcessor& processor,
                                 const fs::path& folder) {
  bool add_bos = true, add_eos = false;
  const fs::path config = folder / "tokenizer_config.json";
  if (fs::exists(config)) {
    const JsonValue root = read_strict_json(config);
    if (const auto value = root.find("add_bos_token")) add_bos = value->boolean();
    if (const auto value = root.find("add_eos_token")) add_eos = value->boolean();
  }
  SpecialTokenTemplate special;
  if (add_bos && processor.bos_id() >= 0) special.before.push_back(processor.bos_id());
  if (add_eos && processor.eos_id() >= 0) special.after.push_back(processor.eos_id());
  return special;
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  explicit SentencePieceTokenizer(const fs::path& file) : file_(file) {
    std::error_code error;
    if (const auto bytes = fs::file_size(file, error); !error && bytes > kMaxModelBytes) {
      fail(ErrorKind::kBadData, "{}: {} bytes, at most {} are read", file.string(), bytes, kMaxModelBytes);
    }
    const std::string content = read_text_file(file);
    const auto status = processor_.LoadFromSerializedProto(content);
    if (!status.ok() || processor_.GetPieceSize() <= 0) {
      fail(ErrorKind::kBadData, "{}: not a SentencePiece model: {}", file.string(), status.ToString());
    }
    special_ = template_of(processor_, file.parent_path());
    fingerprint_ = fmt::format("sentencepiece-1+{}:{},{}", sha256_of(content), special_.before.size(),
                               special_.after.size());
    std::vector<std::pair<std::string, AddedToken>> controls;
    for (int id = 0; id < processor_.GetPieceSize(); ++id) {
      if (!processor_.IsControl(id) && !processor_.IsUnknown(id)) continue;
      const std::string& text = processor_.IdToPiece(id);
      controls.emplace_back(text, AddedToken{.content = text, .id = id, .special = true});
    }
    control_tokens_.emplace(std::move(controls));
  }

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    std::string repaired;
    if (valid_utf8_bytes(text) != text.size()) text = repaired = replace_invalid_utf8(text);
    std::vector<int32_t> ids;
    if (options.add_special_tokens) ids = special_.before;
    control_tokens_->for_each_part(
        text, options.read_special_tokens, [&](size_t begin, size_t end, std::optional<int32_t> token) {
          if (token) return ids.push_back(*token);
          std::vector<int> part;
          const auto status = processor_.Encode(text.substr(begin, end - begin), &part);
          if (!status.ok()) fail(ErrorKind::kBadData, "{}: {}", file_.string(), status.ToString());
          ids.insert(ids.end(), part.begin(), part.end());
        });
    if (options.add_special_tokens) ids.insert(ids.end(), special_.after.begin(), special_.after.end());
    return ids;
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    std::vector<int> run;  // between control tokens, which the library would leave out
    const auto decode_run = [&] {
      std::string decoded;
      const auto status = processor_.Decode(run, &decoded);
      if (!status.ok()) fail(ErrorKind::kBadData, "{}: {}", file_.string(), status.ToString());
      text += decoded;
      run.clear();
    };
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size()) {
        fail(ErrorKind::kBadData, "token {} has id {}, outside the vocabulary [0, {}) of {}", i, ids[i],
             vocab_size(), file_.string());
      }
      if (!processor_.IsControl(ids[i])) {
        run.push_back(ids[i]);
        continue;
      }
      decode_run();
      text += processor_.IdToPiece(ids[i]);
    }
    decode_run();
    return text;
  }

  int64_t vocab_size() const override { return processor_.GetPieceSize(); }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  fs::path file_;
  sentencepiece::SentencePieceProcessor processor_;
  SpecialTokenTemplate special_;
  std::optional<AddedTokenFinder> control_tokens_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const fs::path& model_file) {
  return std::make_unique<SentencePieceTokenizer>(model_file);
}

}  // namespace ropeway
