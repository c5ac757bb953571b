// tokenizer.json of the byte-level tokenizer: a BPE without merges whose 256 entries are GPT-2's byte
// characters in the order of the bytes. A file that would give other ids than the bytes (normalizer, prefix
// space, template with BOS, added tokens that are not special) is not of this kind.
#include "trainer/tokenizer/byte_tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "trainer/tokenizer/byte_characters.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using OrderedJson = nlohmann::ordered_json;

bool is_byte_level(const std::optional<JsonValue>& step) {
  const auto type = step->find("type");
  return type && type->is_string() && type->string() == "ByteLevel";
}

bool is_set(const JsonValue& object, const std::string& key) {
  const auto value = object.find(key);
  return value && !(value->is_string() && value->string().empty()) && !value->is_false();
}

bool has_id(const JsonValue& vocab, const std::string& text, int64_t id) {
  const auto found = vocab.find(text);
  return found && found->is_integer(id);
}

// Whether the steps around the model leave the bytes as they are.
bool steps_keep_bytes(const JsonValue& root) {
  if (root.find("normalizer")) return false;
  const auto cut = root.find("pre_tokenizer"), post = root.find("post_processor"),
             decoder = root.find("decoder");
  if (!cut || !cut->is_object() || !is_byte_level(cut)) return false;
  const auto prefix = cut->find("add_prefix_space");
  if (!prefix || !prefix->is_false()) return false;
  return (!post || (post->is_object() && is_byte_level(post))) &&
         (!decoder || (decoder->is_object() && is_byte_level(decoder)));
}

bool model_keeps_bytes(const JsonValue& root) {
  const auto model = root.find("model");
  if (!model || !model->is_object()) return false;
  const auto merges = model->find("merges"), vocab = model->find("vocab"), type = model->find("type");
  if (!type || !type->is_string() || type->string() != "BPE") return false;
  if (!merges || !merges->is_array() || merges->size() > 0 || !vocab || !vocab->is_object()) return false;
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "dropout"}) {
    if (is_set(*model, key)) return false;
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    if (!has_id(*vocab, byte_characters()[byte], static_cast<int64_t>(byte))) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> special_tokens_of_byte_level(const JsonValue& root) {
  if (!root.is_object() || !steps_keep_bytes(root) || !model_keeps_bytes(root)) return std::nullopt;
  const JsonValue vocab = root.at("model").at("vocab");
  const auto added = root.find("added_tokens");
  const int64_t count = !added ? 0 : added->is_array() ? added->size() : -1;
  std::vector<std::string> texts;
  for (int64_t i = 0; i < count; ++i) {
    const JsonValue token = added->at(i);
    const auto content = token.is_object() ? token.find("content") : std::nullopt;
    if (!content || !content->is_string() || content->string().empty()) return std::nullopt;
    if (!has_id(token, "id", kByteValues + i) || !token.find("special") || !token.at("special").is_true()) {
      return std::nullopt;
    }
    texts.push_back(content->string());
  }
  std::vector<std::string> sorted = texts;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return std::nullopt;
  int64_t in_vocab = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (!vocab.find(texts[static_cast<size_t>(i)])) continue;
    if (!has_id(vocab, texts[static_cast<size_t>(i)], kByteValues + i)) return std::nullopt;
    ++in_vocab;
  }
  if (count < 0 || static_cast<int64_t>(vocab.keys().size()) != kByteValues + in_vocab) return std::nullopt;
  return texts;
}

std::string byte_tokenizer_json(const std::vector<std::string>& special_tokens) {
  OrderedJson added = OrderedJson::array();
  for (size_t i = 0; i < special_tokens.size(); ++i) {
    added.push_back({{"id", kByteValues + static_cast<int64_t>(i)},
                     {"content", special_tokens[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  OrderedJson vocab = OrderedJson::object();
  const auto& characters = byte_characters();
  for (size_t byte = 0; byte < characters.size(); ++byte) vocab[characters[byte]] = byte;
  const auto byte_level = [](bool use_regex) {
    return OrderedJson{
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
  };
  const OrderedJson root = {{"version", "1.0"},
                            {"truncation", nullptr},
                            {"padding", nullptr},
                            {"added_tokens", added},
                            {"normalizer", nullptr},
                            {"pre_tokenizer", byte_level(false)},
                            {"post_processor", nullptr},
                            {"decoder", byte_level(true)},
                            {"model",
                             {{"type", "BPE"},
                              {"dropout", nullptr},
                              {"unk_token", nullptr},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", false},
                              {"byte_fallback", false},
                              {"ignore_merges", false},
                              {"vocab", vocab},
                              {"merges", OrderedJson::array()}}}};
  return root.dump(2) + "\n";
}

}  // namespace ropeway
