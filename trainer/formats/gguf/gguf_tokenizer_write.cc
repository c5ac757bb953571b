#include "trainer/formats/gguf/gguf_tokenizer_write.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "kernels/base/error.h"
#include "trainer/files/json_fault.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/utf8.h"
#include "trainer/formats/gguf/gguf_tokenizer_read.h"
#include "trainer/formats/gguf/pre_tokenizers.h"
#include "trainer/formats/gguf/score_merges.h"

namespace ropeway {
namespace {

using nlohmann::json;

constexpr JsonLimits kLimits{.max_bytes = 128 << 20, .max_depth = 32};

struct Tokens {
  std::vector<std::string> text;
  std::vector<GgufTokenType> types;
  std::unordered_map<std::string, int64_t> ids;
};

class Writer {
 public:
  Writer(const TokenizerText& text, const ModelConfig& config, GgufMetadata& metadata)
      : where_(text.where), config_(config), metadata_(metadata) {
    parse_strict_json(text.tokenizer, where_, kLimits);  // depth, duplicate keys, size
    tokenizer_ = json::parse(text.tokenizer);
    if (!text.config.empty()) {
      parse_strict_json(text.config, where_ + ": tokenizer_config.json", kLimits);
      settings_ = json::parse(text.config);
    }
    chat_ = text.chat.empty() ? string_in(settings_, "chat_template") : text.chat;
  }

  void write() {
    const json& model = tokenizer_.at("model");
    if (model.at("type") != "BPE") refuse("the model's type is {}, wanted BPE", model.at("type").dump());
    read_tokens(model);
    if (model.value("byte_fallback", false)) {
      write_sentencepiece(model);
    } else {
      write_byte_level(model);
    }
    write_ends();
    if (!chat_.empty()) metadata_.add_string("tokenizer.chat_template", chat_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::kBadData, "{}: {}", where_, fmt::format(format, std::forward<Args>(args)...));
  }

  static std::string string_in(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end()) return "";
    if (it->is_object()) return it->value("content", "");
    return it->is_string() ? it->get<std::string>() : "";
  }

  void set_token(const std::string& text, int64_t id, GgufTokenType type) {
    if (id < 0 || id >= config_.vocab_size) {
      refuse("token \"{}\" has id {}, wanted one below the vocabulary's {}", shorten(text, 60), id,
             config_.vocab_size);
    }
    const auto at = static_cast<size_t>(id);
    if (!tokens_.text[at].empty() && tokens_.text[at] != text) {
      refuse("id {} is both \"{}\" and \"{}\"", id, shorten(tokens_.text[at], 60), shorten(text, 60));
    }
    tokens_.text[at] = text;
    tokens_.types[at] = type;
    tokens_.ids[text] = id;
  }

  void read_tokens(const json& model) {
    tokens_.text.resize(static_cast<size_t>(config_.vocab_size));
    tokens_.types.assign(tokens_.text.size(), GgufTokenType::kUnused);
    for (const auto& [text, id] : model.at("vocab").items()) {
      set_token(text, id.get<int64_t>(), GgufTokenType::kNormal);
    }
    for (const json& added : tokenizer_.value("added_tokens", json::array())) {
      set_token(added.at("content"), added.at("id"),
                added.value("special", false) ? GgufTokenType::kControl : GgufTokenType::kUserDefined);
    }
    for (size_t id = 0; id < tokens_.text.size(); ++id) {
      if (tokens_.types[id] == GgufTokenType::kUnused) tokens_.text[id] = fmt::format("[PAD{}]", id);
    }
  }

  std::pair<std::string, std::string> merge_at(const json& merge) const {
    if (merge.is_array()) return {merge.at(0), merge.at(1)};
    const std::string text = merge;
    const size_t blank = text.find(' ', 1);
    if (blank == std::string::npos) refuse("merge \"{}\" is not two tokens", shorten(text, 60));
    return {text.substr(0, blank), text.substr(blank + 1)};
  }

  void write_tokens(const char* kind, std::string_view pre) {
    metadata_.add_string("tokenizer.ggml.model", kind);
    metadata_.add_string("tokenizer.ggml.pre", pre);
    metadata_.add_strings("tokenizer.ggml.tokens", tokens_.text);
    std::vector<int32_t> types;
    for (const GgufTokenType type : tokens_.types) types.push_back(static_cast<int32_t>(type));
    metadata_.add_i32s("tokenizer.ggml.token_type", types);
  }

  void write_byte_level(const json& model) {
    const PreTokenizer* pre = recognise_pre_tokenizer(tokenizer_);
    if (pre == nullptr) {
      refuse("splits text into words in a way that has no name in GGUF; wanted that of {}",
             pre_tokenizer_names());
    }
    write_tokens("gpt2", pre->name);
    std::vector<std::string> merges;
    for (const json& merge : model.at("merges")) {
      const auto [left, right] = merge_at(merge);
      merges.push_back(left + " " + right);
    }
    metadata_.add_strings("tokenizer.ggml.merges", merges);
    metadata_.add_bool("tokenizer.ggml.add_space_prefix", false);
  }

  void write_sentencepiece(const json& model) {
    const std::string unknown = string_in(model, "unk_token");
    std::vector<bool> fixed(tokens_.text.size(), false);
    for (size_t id = 0; id < tokens_.text.size(); ++id) {
      const std::string& text = tokens_.text[id];
      GgufTokenType& type = tokens_.types[id];
      if (text == unknown) type = GgufTokenType::kUnknown;
      if (text.size() == 6 && text.starts_with("<0x") && text.ends_with('>')) type = GgufTokenType::kByte;
      fixed[id] = type != GgufTokenType::kNormal;
    }
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const json& merge : model.at("merges")) pairs.push_back(merge_at(merge));
    std::vector<ScoreMerge> merges;
    for (const auto& [left, right] : pairs) merges.push_back({left, right});
    const std::vector<std::string_view> texts(tokens_.text.begin(), tokens_.text.end());
    const std::vector<double> scores = scores_of_merges(texts, fixed, merges);
    if (merges_of_scores(texts, scores) != merges) {
      refuse(
          "its merges are not all those of a SentencePiece vocabulary in the order of scores, which is what "
          "GGUF's kind 'llama' can express");
    }
    write_tokens("llama", "default");
    metadata_.add_f32s("tokenizer.ggml.scores", std::vector<float>(scores.begin(), scores.end()));
    metadata_.add_bool("tokenizer.ggml.add_space_prefix", puts_blank_first());
  }

  bool puts_blank_first() const {
    const json normalizer = tokenizer_.value("normalizer", json());
    const json pre = tokenizer_.value("pre_tokenizer", json());
    if (pre.is_object()) {
      if (pre.value("type", "") != "Metaspace") refuse("pre_tokenizer: wanted null or Metaspace");
      return pre.value("prepend_scheme", pre.value("add_prefix_space", true) ? "always" : "never") != "never";
    }
    if (!normalizer.is_object() || normalizer.value("type", "") != "Sequence") {
      refuse("normalizer: wanted SentencePiece's marks of blanks");
    }
    const json& parts = normalizer.at("normalizers");
    return std::any_of(parts.begin(), parts.end(),
                       [](const json& part) { return part.value("type", "") == "Prepend"; });
  }

  // The TemplateProcessing of the post-processor; null without one.
  json template_of() const {
    const json post = tokenizer_.value("post_processor", json());
    if (!post.is_object()) return {};
    if (post.value("type", "") == "TemplateProcessing") return post;
    for (const json& part : post.value("processors", json::array())) {
      if (part.value("type", "") == "TemplateProcessing") return part;
    }
    return {};
  }

  void add_id(const char* key, const std::string& token, int64_t otherwise) {
    int64_t id = otherwise;
    if (const auto it = tokens_.ids.find(token); it != tokens_.ids.end()) id = it->second;
    if (id >= 0) metadata_.add_u32(fmt::format("tokenizer.ggml.{}", key), id);
  }

  void write_ends() {
    std::string bos, eos;  // the tokens that every text gets
    const json frame = template_of();
    if (frame.is_object() && !frame.at("single").empty()) {
      const auto special = [](const json& piece) {
        return piece.contains("SpecialToken") ? piece["SpecialToken"].value("id", "") : std::string();
      };
      bos = special(frame["single"].front());
      eos = special(frame["single"].back());
    }
    metadata_.add_bool("tokenizer.ggml.add_bos_token", !bos.empty());
    metadata_.add_bool("tokenizer.ggml.add_eos_token", !eos.empty());
    add_id("bos_token_id", bos, id_of_setting("bos_token", config_.bos_token_id));
    add_id("eos_token_id", eos, id_of_setting("eos_token", config_.eos_token_id));
    add_id("unknown_token_id", string_in(settings_, "unk_token"), -1);
    add_id("padding_token_id", string_in(settings_, "pad_token"), -1);
  }

  // The model's own id where it has one.
  int64_t id_of_setting(const char* name, int64_t of_config) const {
    if (of_config >= 0) return of_config;
    const auto it = tokens_.ids.find(string_in(settings_, name));
    return it == tokens_.ids.end() ? -1 : it->second;
  }

  std::string where_;
  const ModelConfig& config_;
  GgufMetadata& metadata_;
  json tokenizer_, settings_ = json::object();
  std::string chat_;
  Tokens tokens_;
};

}  // namespace

void add_tokenizer(const TokenizerText& text, const ModelConfig& config, GgufMetadata& metadata) {
  try {
    Writer(text, config, metadata).write();
  } catch (const json::exception& error) {
    fail(ErrorKind::kBadData, "{}: not a tokenizer as Hugging Face writes them: {}", text.where,
         json_fault(error));
  }
}

}  // namespace ropeway
