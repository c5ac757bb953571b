#include "trainer/tokenizer/sentencepiece_tokenizer.h"

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/added_tokens.h"
#include "trainer/tokenizer/sentencepiece_library.h"
#include "trainer/tokenizer/template.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxModelBytes = 16 << 20;  // the largest seen has a quarter of that

SpecialTokenTemplate template_of(const SentencePieceModel& model, const fs::path& folder) {
  bool add_bos = true, add_eos = false;
  const fs::path config = folder / "tokenizer_config.json";
  if (fs::exists(config)) {
    const JsonValue root = read_strict_json(config);
    if (const auto value = root.find("add_bos_token")) add_bos = value->boolean();
    if (const auto value = root.find("add_eos_token")) add_eos = value->boolean();
  }
  SpecialTokenTemplate special;
  if (add_bos && model.bos_id() >= 0) special.before.push_back(model.bos_id());
  if (add_eos && model.eos_id() >= 0) special.after.push_back(model.eos_id());
  return special;
}

std::string read_model_file(const fs::path& file) {
  std::error_code error;
  if (const auto bytes = fs::file_size(file, error); !error && bytes > kMaxModelBytes) {
    fail(ErrorKind::kBadData, "{}: {} bytes, at most {} are read", file.string(), bytes, kMaxModelBytes);
  }
  return read_text_file(file);
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  explicit SentencePieceTokenizer(const fs::path& file) : name_(file.string()) {
    const std::string content = read_model_file(file);
    model_ = open_sentencepiece_model(content, name_);
    special_ = template_of(*model_, file.parent_path());
    fingerprint_ = fmt::format("sentencepiece-1+{}:{},{}", sha256_of(content), special_.before.size(),
                               special_.after.size());
    std::vector<std::pair<std::string, AddedToken>> controls;
    for (int id = 0; id < model_->size(); ++id) {
      if (!model_->is_control(id) && !model_->is_unknown(id)) continue;
      const std::string text = model_->piece(id);
      controls.emplace_back(text, AddedToken{.content = text, .id = id, .special = true});
    }
    control_tokens_.emplace(std::move(controls));
  }

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    std::string repaired;
    if (valid_utf8_bytes(text) != text.size()) text = repaired = replace_invalid_utf8(text);
    std::vector<int32_t> ids;
    if (options.add_special_tokens) ids = special_.before;
    control_tokens_->for_each_part(text, options.read_special_tokens,
                                   [&](size_t begin, size_t end, std::optional<int32_t> token) {
                                     if (token) return ids.push_back(*token);
                                     std::vector<int> part;
                                     require_none(model_->encode(text.substr(begin, end - begin), part));
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
      require_none(model_->decode(run, decoded));
      text += decoded;
      run.clear();
    };
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size()) {
        fail(ErrorKind::kBadData, "token {} has id {}, outside the vocabulary [0, {}) of {}", i, ids[i],
             vocab_size(), name_);
      }
      if (!model_->is_control(ids[i])) {
        run.push_back(ids[i]);
        continue;
      }
      decode_run();
      text += model_->piece(ids[i]);
    }
    decode_run();
    return text;
  }

  int64_t vocab_size() const override { return model_->size(); }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  void require_none(const std::string& error) const {
    if (!error.empty()) fail(ErrorKind::kBadData, "{}: {}", name_, error);
  }

  std::string name_;  // of the file
  std::unique_ptr<SentencePieceModel> model_;
  SpecialTokenTemplate special_;
  std::optional<AddedTokenFinder> control_tokens_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const fs::path& model_file) {
  return std::make_unique<SentencePieceTokenizer>(model_file);
}

}  // namespace ropeway
