#include "trainer/tokenizer/sentencepiece_additions.h"

#include <charconv>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/bpe_reader.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kLimits = {.max_bytes = 64 << 20};
constexpr const char* kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "pad_token",
                                         "sep_token", "cls_token", "mask_token"};

class Reader {
 public:
  Reader(const SentencePieceModel& model, const fs::path& folder) : model_(model), folder_(folder) {}

  std::vector<AddedToken> read() {
    if (const auto config = open("tokenizer_config.json")) {
      if (const auto list = config->find("added_tokens_decoder")) read_decoder(*list);
    }
    if (const auto list = open("added_tokens.json")) read_encoder(*list);
    std::vector<AddedToken> result;
    for (auto& [id, token] : tokens_) result.push_back(std::move(token));
    return result;
  }

 private:
  std::optional<JsonValue> open(const char* name) const {
    const fs::path file = folder_ / name;
    return fs::exists(file) ? std::optional(read_strict_json(file, kLimits)) : std::nullopt;
  }

  // {"32000": {"content": "<|im_start|>", "special": true, ...}, ...}
  void read_decoder(const JsonValue& list) {
    const auto flag = [](const JsonValue& entry, const char* key) {
      const auto value = entry.find(key);
      return value && value->boolean();
    };
    for (const std::string& key : list.keys()) {
      const JsonValue entry = list.at(key);
      int32_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxTokenId) {
        entry.refuse(fmt::format("under a token's id from 0 to {}", kMaxTokenId));
      }
      add({.content = entry.at("content").string(),
           .id = id,
           .special = flag(entry, "special"),
           .single_word = flag(entry, "single_word"),
           .lstrip = flag(entry, "lstrip"),
           .rstrip = flag(entry, "rstrip")},
          entry);
    }
  }

  // {"<|im_start|>": 32000, ...}
  void read_encoder(const JsonValue& list) {
    const std::set<std::string> special = special_texts();
    for (const std::string& text : list.keys()) {
      const JsonValue entry = list.at(text);
      const auto id = static_cast<int32_t>(entry.integer(0, kMaxTokenId));
      const auto known = tokens_.find(id);
      if (known != tokens_.end() && known->second.content == text) continue;
      add({.content = text, .id = id, .special = special.contains(text)}, entry);
    }
  }

  // A name is a string or {"content": ...}.
  std::set<std::string> special_texts() const {
    std::set<std::string> texts;
    const auto take = [&](const JsonValue& value) {
      texts.insert(value.is_object() ? value.at("content").string() : value.string());
    };
    for (const char* file : {"tokenizer_config.json", "special_tokens_map.json"}) {
      const auto root = open(file);
      if (!root) continue;
      for (const char* name : kSpecialNames) {
        if (const auto value = root->find(name)) take(*value);
      }
      const auto more = root->find("additional_special_tokens");
      for (int64_t i = 0; more && i < more->size(); ++i) take(more->at(i));
    }
    return texts;
  }

  void add(AddedToken token, const JsonValue& entry) {
    if (token.id < model_.size() && !model_.is_control(token.id) && !model_.is_unknown(token.id) &&
        model_.piece(token.id) != token.content) {
      entry.refuse(fmt::format("'{}' or an id of at least {}: id {} is that piece of the SentencePiece model",
                               shorten(replace_invalid_utf8(model_.piece(token.id)), 40), model_.size(),
                               token.id));
    }
    for (const auto& [id, known] : tokens_) {
      if (id == token.id || (known.content == token.content && !token.content.empty())) {
        entry.refuse(
            fmt::format("a text and an id of its own: id {} is '{}'", id, shorten(known.content, 40)));
      }
    }
    tokens_.emplace(token.id, std::move(token));
  }

  const SentencePieceModel& model_;
  const fs::path& folder_;
  std::map<int32_t, AddedToken> tokens_;
};

}  // namespace

std::vector<AddedToken> read_sentencepiece_additions(const SentencePieceModel& model,
                                                     const fs::path& folder) {
  return Reader(model, folder).read();
}

}  // namespace ropeway
