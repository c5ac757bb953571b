#include <nlohmann/json.hpp>
#include <unordered_map>

#include "kernels/base/error.h"
#include "trainer/formats/gguf/gguf_tokenizer_read.h"
#include "trainer/formats/gguf/pre_tokenizers.h"
#include "trainer/formats/gguf/score_merges.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

constexpr const char* kBlank = "\xe2\x96\x81";  // U+2581, SentencePiece's mark of a blank

constexpr size_t kMaxPieceBytes = 512;  // all cuts of a piece are tried; the longest in use has 48

struct Vocabulary {
  std::vector<std::string_view> tokens;
  std::vector<GgufTokenType> types;
  std::unordered_map<std::string_view, int64_t> ids;
};

// Names that converters give to rows of the embedding without a token.
bool is_padding(const Vocabulary& vocabulary, size_t id) {
  return vocabulary.types[id] == GgufTokenType::kUnused &&
         vocabulary.tokens[id] == fmt::format("[PAD{}]", id);
}

Vocabulary read_vocabulary(const GgufFile& file) {
  Vocabulary vocabulary;
  const GgufValue tokens = file.at("tokenizer.ggml.tokens");
  vocabulary.tokens = tokens.strings();
  if (vocabulary.tokens.empty()) tokens.refuse("at least one token");
  vocabulary.types.assign(vocabulary.tokens.size(), GgufTokenType::kNormal);
  if (const auto types = file.find("tokenizer.ggml.token_type")) {
    const std::vector<int64_t> values = types->integers();
    if (values.size() != vocabulary.tokens.size()) {
      types->refuse(fmt::format("as many as tokenizer.ggml.tokens, {}", vocabulary.tokens.size()));
    }
    for (size_t id = 0; id < values.size(); ++id) {
      if (values[id] < 1 || values[id] > 6) {
        fail(ErrorKind::kBadData, "{}: {}[{}]: found {}, wanted 1 to 6", file.where(), types->key(), id,
             values[id]);
      }
      vocabulary.types[id] = static_cast<GgufTokenType>(values[id]);
    }
  }
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const auto [it, is_new] = vocabulary.ids.emplace(vocabulary.tokens[id], static_cast<int64_t>(id));
    if (!is_new) {
      fail(ErrorKind::kBadData, "{}: {}: tokens {} and {} are both \"{}\"", file.where(), tokens.key(),
           it->second, id, vocabulary.tokens[id].substr(0, 60));
    }
  }
  return vocabulary;
}

std::vector<std::string> read_merges(const GgufFile& file, const Vocabulary& vocabulary) {
  const GgufValue value = file.at("tokenizer.ggml.merges");
  std::vector<std::string> merges;
  for (const std::string_view merge : value.strings()) {
    const size_t blank = merge.find(' ', 1);
    const bool is_pair =
        blank != std::string_view::npos && merge.find(' ', blank + 1) == std::string_view::npos;
    const std::string_view left = merge.substr(0, blank), right = is_pair ? merge.substr(blank + 1) : "";
    if (!is_pair || left.empty() || right.empty() || !vocabulary.ids.contains(left) ||
        !vocabulary.ids.contains(right) || !vocabulary.ids.contains(std::string(left).append(right))) {
      fail(ErrorKind::kBadData, "{}: {}[{}]: found \"{}\", wanted two tokens whose sum is a token",
           file.where(), value.key(), merges.size(), merge.substr(0, 60));
    }
    merges.emplace_back(merge);
  }
  return merges;
}

ordered_json vocabulary_json(const Vocabulary& vocabulary) {
  ordered_json::object_t members;  // inserting by key would search all of them; they are unique already
  std::vector<std::pair<const std::string, ordered_json>>& list = members;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!is_padding(vocabulary, id)) list.emplace_back(vocabulary.tokens[id], id);
  }
  return members;
}

ordered_json added_tokens_json(const Vocabulary& vocabulary) {
  ordered_json list = ordered_json::array();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const GgufTokenType type = vocabulary.types[id];
    const bool special = type == GgufTokenType::kControl || type == GgufTokenType::kUnknown;
    if ((!special && type != GgufTokenType::kUserDefined) || vocabulary.tokens[id].empty()) continue;
    list.push_back({{"id", id},
                    {"content", vocabulary.tokens[id]},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", special}});
  }
  return list;
}

struct Special {
  const char* name;  // of the token in tokenizer_config.json
  const char* key;
};
constexpr Special kSpecials[] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                                 {"eos_token", "tokenizer.ggml.eos_token_id"},
                                 {"unk_token", "tokenizer.ggml.unknown_token_id"},
                                 {"pad_token", "tokenizer.ggml.padding_token_id"}};

// The token of a key with an id; "" when there is no such key, or it names no token.
std::string special_token(const GgufFile& file, const Vocabulary& vocabulary, const char* key) {
  const auto value = file.find(key);
  const auto id = value ? value->token_id(static_cast<int64_t>(vocabulary.tokens.size()) - 1) : std::nullopt;
  return id ? std::string(vocabulary.tokens[static_cast<size_t>(*id)]) : "";
}

struct Ends {
  bool bos = false, eos = false;
};

Ends read_ends(const GgufFile& file, bool bos_by_default) {
  // A file that says it has no such token has none by default.
  const auto read = [&file](const char* name, bool by_default) {
    const auto stated = file.find(fmt::format("tokenizer.ggml.add_{}_token", name));
    if (!(stated ? stated->boolean() : by_default)) return false;
    const GgufValue id = file.at(fmt::format("tokenizer.ggml.{}_token_id", name));
    if (id.token_id(INT32_MAX)) return true;
    if (stated) id.refuse(fmt::format("a token: {} is true", stated->key()));
    return false;
  };
  return {read("bos", bos_by_default), read("eos", false)};
}

// <s> A </s>, with the ends that are added to every text.
ordered_json post_processor_json(const GgufFile& file, const Vocabulary& vocabulary, const Ends& ends) {
  if (!ends.bos && !ends.eos) return nullptr;
  ordered_json tokens = ordered_json::object(), single, pair = ordered_json::array();
  for (int part = 0; part < 2; ++part) {
    const auto add_special = [&](const char* key) {
      const std::string token = special_token(file, vocabulary, key);
      pair.push_back({{"SpecialToken", {{"id", token}, {"type_id", part}}}});
      tokens[token] = {{"id", token}, {"ids", {vocabulary.ids.at(token)}}, {"tokens", {token}}};
    };
    if (ends.bos) add_special("tokenizer.ggml.bos_token_id");
    pair.push_back({{"Sequence", {{"id", part == 0 ? "A" : "B"}, {"type_id", part}}}});
    if (ends.eos) add_special("tokenizer.ggml.eos_token_id");
    if (part == 0) single = pair;
  }
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

ordered_json bpe_json(const Vocabulary& vocabulary, std::vector<std::string> merges) {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", vocabulary_json(vocabulary)},
          {"merges", std::move(merges)}};
}

ordered_json frame_json(const Vocabulary& vocabulary) {
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added_tokens_json(vocabulary)}};
}

ordered_json byte_level_json(const GgufFile& file, const Vocabulary& vocabulary, Ends& ends) {
  const GgufValue name = file.at("tokenizer.ggml.pre");
  const PreTokenizer* pre = find_pre_tokenizer(name.string());
  if (pre == nullptr)
    name.refuse(fmt::format("a word splitting that is known here: {}", pre_tokenizer_names()));
  ends = read_ends(file, pre->adds_bos);
  ordered_json json = frame_json(vocabulary);
  json["normalizer"] = normalizer_json(*pre);
  json["pre_tokenizer"] = pre_tokenizer_json(*pre);
  json["post_processor"] = post_processor_json(file, vocabulary, ends);
  json["decoder"] = {
      {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  json["model"] = bpe_json(vocabulary, read_merges(file, vocabulary));
  json["model"]["ignore_merges"] = pre->whole_words_first;
  return json;
}

ordered_json sentencepiece_json(const GgufFile& file, const Vocabulary& vocabulary, Ends& ends) {
  const GgufValue value = file.at("tokenizer.ggml.scores");
  const std::vector<double> scores = value.numbers();
  if (scores.size() != vocabulary.tokens.size()) {
    value.refuse(fmt::format("as many as tokenizer.ggml.tokens, {}", vocabulary.tokens.size()));
  }
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.tokens[id].size() > kMaxPieceBytes) {
      fail(ErrorKind::kBadData, "{}: tokenizer.ggml.tokens[{}]: a piece of {} bytes, at most {} are read",
           file.where(), id, vocabulary.tokens[id].size(), kMaxPieceBytes);
    }
  }
  ends = read_ends(file, true);
  bool prefix = true;
  if (const auto flag = file.find("tokenizer.ggml.add_space_prefix")) prefix = flag->boolean();
  ordered_json normalizers = ordered_json::array();
  if (prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kBlank}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kBlank}});
  ordered_json decoders = {{{"type", "Replace"}, {"pattern", {{"String", kBlank}}}, {"content", " "}},
                           {{"type", "ByteFallback"}},
                           {{"type", "Fuse"}}};
  if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});

  ordered_json json = frame_json(vocabulary);
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
  json["pre_tokenizer"] = nullptr;
  json["post_processor"] = post_processor_json(file, vocabulary, ends);
  json["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  std::vector<std::string> merges;
  for (const ScoreMerge& merge : merges_of_scores(vocabulary.tokens, scores)) {
    merges.push_back(std::string(merge.left).append(" ").append(merge.right));
  }
  json["model"] = bpe_json(vocabulary, std::move(merges));
  json["model"]["fuse_unk"] = true;
  json["model"]["byte_fallback"] = vocabulary.ids.contains("<0x00>");
  const std::string unknown = special_token(file, vocabulary, "tokenizer.ggml.unknown_token_id");
  if (!unknown.empty()) json["model"]["unk_token"] = unknown;
  return json;
}

ordered_json tokenizer_config_json(const GgufFile& file, const Vocabulary& vocabulary, const Ends& ends) {
  ordered_json json;
  json["tokenizer_class"] = "PreTrainedTokenizerFast";
  json["add_bos_token"] = ends.bos;
  json["add_eos_token"] = ends.eos;
  for (const Special& special : kSpecials) {
    const std::string token = special_token(file, vocabulary, special.key);
    if (!token.empty()) json[special.name] = token;
  }
  json["clean_up_tokenization_spaces"] = false;
  if (const auto chat = file.find("tokenizer.chat_template")) json["chat_template"] = chat->string();
  return json;
}

ordered_json generation_config_json(const GgufFile& file) {
  ordered_json json = {{"_from_model_config", true}};
  for (const auto& [name, key] : {std::pair("bos_token_id", "tokenizer.ggml.bos_token_id"),
                                  std::pair("eos_token_id", "tokenizer.ggml.eos_token_id"),
                                  std::pair("pad_token_id", "tokenizer.ggml.padding_token_id")}) {
    const auto value = file.find(key);
    if (const auto id = value ? value->token_id(INT32_MAX) : std::nullopt) json[name] = *id;
  }
  return json;
}

}  // namespace

std::map<std::string, std::string> read_gguf_tokenizer(const GgufFile& file) {
  std::map<std::string, std::string> files;
  files["generation_config.json"] = generation_config_json(file).dump(2) + "\n";
  const auto model = file.find("tokenizer.ggml.model");
  if (!model || model->string() == "none" || model->string() == "no_vocab") return files;
  const Vocabulary vocabulary = read_vocabulary(file);
  Ends ends;
  ordered_json json;
  if (model->string() == "gpt2") {
    json = byte_level_json(file, vocabulary, ends);
  } else if (model->string() == "llama") {
    json = sentencepiece_json(file, vocabulary, ends);
  } else {
    model->refuse("gpt2 (byte-level BPE) or llama (SentencePiece BPE)");
  }
  files["tokenizer.json"] = json.dump(1) + "\n";
  files["tokenizer_config.json"] = tokenizer_config_json(file, vocabulary, ends).dump(2) + "\n";
  return files;
}

}  // namespace ropeway
