#include "trainer/tokenizer/sentencepiece_tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/added_tokens.h"
#include "trainer/tokenizer/sentencepiece_additions.h"
#include "trainer/tokenizer/sentencepiece_library.h"
#include "trainer/tokenizer/template.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kSettingsLimits = {.max_bytes = 64 << 20};
constexpr uintmax_t kMaxModelBytes = 16 << 20;  // the largest seen has a quarter of that

// What Hugging Face's files say beside the model.
struct Settings {
  SpecialTokenTemplate special;
  // Whether a blank is put before every part of a text, not only before the first one.
  bool legacy = false;
};

Settings read_settings(const SentencePieceModel& model, const fs::path& folder) {
  Settings settings;
  bool add_bos = true, add_eos = false;
  const fs::path config = folder / "tokenizer_config.json";
  if (fs::exists(config)) {
    const JsonValue root = read_strict_json(config, kSettingsLimits);
    if (const auto value = root.find("add_bos_token")) add_bos = value->boolean();
    if (const auto value = root.find("add_eos_token")) add_eos = value->boolean();
    if (const auto value = root.find("legacy")) settings.legacy = value->boolean();
  }
  if (add_bos && model.bos_id() >= 0) settings.special.before.push_back(model.bos_id());
  if (add_eos && model.eos_id() >= 0) settings.special.after.push_back(model.eos_id());
  return settings;
}

// The model with another normalizer_spec {add_dummy_prefix: false} behind its own: of a protobuf field that
// occurs twice the last one counts.
std::string without_prefix(const std::string& model) { return model + std::string("\x1a\x02\x18\x00", 4); }

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
    settings_ = read_settings(*model_, file.parent_path());
    if (!settings_.legacy) further_model_ = model_of_further_parts(content);
    std::vector<std::pair<std::string, AddedToken>> found;
    for (int id = 0; id < model_->size(); ++id) {
      if (!model_->is_control(id) && !model_->is_unknown(id)) continue;
      const std::string text = model_->piece(id);
      found.emplace_back(text, AddedToken{.content = text, .id = id, .special = true});
      if (model_->is_control(id)) texts_[id] = text;
    }
    vocab_size_ = model_->size();
    std::string described;
    for (const AddedToken& token : read_sentencepiece_additions(*model_, file.parent_path())) {
      std::erase_if(found, [&](const auto& entry) { return entry.second.id == token.id; });
      found.emplace_back(token.content, token);
      texts_[token.id] = token.content;
      vocab_size_ = std::max<int64_t>(vocab_size_, token.id + 1);
      described += fmt::format("{} {} {} {} {} {}\n", token.id, token.special, token.single_word,
                               token.lstrip, token.rstrip, token.content);
    }
    fingerprint_ =
        fmt::format("sentencepiece-2+{}:{},{},{},{}", sha256_of(content), settings_.special.before.size(),
                    settings_.special.after.size(), settings_.legacy, sha256_of(described).substr(0, 16));
    added_tokens_.emplace(std::move(found));
  }

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    std::string repaired;
    if (valid_utf8_bytes(text) != text.size()) text = repaired = replace_invalid_utf8(text);
    std::vector<int32_t> ids;
    if (options.add_special_tokens) ids = settings_.special.before;
    added_tokens_->for_each_part(text, options.read_special_tokens,
                                 [&](size_t begin, size_t end, std::optional<int32_t> token) {
                                   if (token) return ids.push_back(*token);
                                   std::vector<int> part;
                                   const SentencePieceModel& model = model_of_part(begin == 0);
                                   require_none(model.encode(text.substr(begin, end - begin), part));
                                   ids.insert(ids.end(), part.begin(), part.end());
                                 });
    const std::vector<int32_t>& after = settings_.special.after;
    if (options.add_special_tokens) ids.insert(ids.end(), after.begin(), after.end());
    return ids;
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    std::vector<int> run;  // between added tokens, which the library does not have or would leave out
    bool is_first = true;
    const auto decode_run = [&] {
      if (run.empty()) return;
      std::string decoded;
      require_none(model_of_part(is_first).decode(run, decoded));
      text += decoded;
      run.clear();
      is_first = false;
    };
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto added = texts_.find(ids[i]);
      if (added == texts_.end() && (ids[i] < 0 || ids[i] >= model_->size())) {
        fail(ErrorKind::kBadData, "token {} has id {}, which no token of {} has: they are [0, {})", i, ids[i],
             name_, vocab_size());
      }
      if (added == texts_.end()) {
        run.push_back(ids[i]);
        continue;
      }
      decode_run();
      text += added->second;
    }
    decode_run();
    return text;
  }

  int64_t vocab_size() const override { return vocab_size_; }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  const SentencePieceModel& model_of_part(bool is_first) const {
    return is_first || further_model_ == nullptr ? *model_ : *further_model_;
  }
  // null for a model that removes the blanks of a text: only with the added one does a word begin a part.
  std::unique_ptr<SentencePieceModel> model_of_further_parts(const std::string& content) const {
    auto further = open_sentencepiece_model(without_prefix(content), name_);
    std::vector<int> blanks;
    require_none(further->encode("  ", blanks));
    return blanks.empty() ? nullptr : std::move(further);
  }
  void require_none(const std::string& error) const {
    if (!error.empty()) fail(ErrorKind::kBadData, "{}: {}", name_, error);
  }

  std::string name_;  // of the file
  std::unique_ptr<SentencePieceModel> model_;
  std::unique_ptr<SentencePieceModel> further_model_;  // of the parts behind the first; null: model_
  Settings settings_;
  std::optional<AddedTokenFinder> added_tokens_;
  std::unordered_map<int32_t, std::string> texts_;  // of control tokens and of those that were added
  int64_t vocab_size_ = 0;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const fs::path& model_file) {
  return std::make_unique<SentencePieceTokenizer>(model_file);
}

}  // namespace ropeway
