// tokenizer.json of the byte-level kind, read and written: a BPE model without merges whose 256 entries are
// the byte characters of GPT-2 (a byte that prints stands for itself, the others for U+0100 and up), in the
// order of the bytes. What would make Hugging Face tokenizers give other ids than the bytes (normalizer,
// prefix space, template with BOS, truncation, non-special added tokens) is refused, not ignored.
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/error.h"
#include "trainer/data/byte_tokenizer.h"
#include "trainer/data/tokenizer.h"
#include "trainer/io/files.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kSupported =
    "supported: a byte-level BPE with an empty merge list whose 256 byte characters have ids 0..255";

std::string utf8_of(uint32_t code_point) {  // below U+0800
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 0x3F))};
}

std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  uint32_t next_stand_in = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool prints =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
    characters[byte] = utf8_of(prints ? byte : next_stand_in++);
  }
  return characters;
}

// A value of the file for an error message, cut short.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

class Reader {
 public:
  Reader(std::string where, Json root) : where_(std::move(where)), root_(std::move(root)) {}

  std::vector<std::string> special_tokens() const {
    if (!root_.is_object()) refuse("/", shown(root_), "an object");
    require_null(root_, "", "normalizer");
    require_null(root_, "", "truncation");
    require_null(root_, "", "padding");
    check_byte_level_stage("pre_tokenizer", false);
    check_byte_level_stage("decoder", true);
    // A ByteLevel post processor only moves offsets; a template would add tokens.
    check_byte_level_stage("post_processor", true);
    const std::vector<std::string> specials = read_added_tokens();
    check_model(specials);
    return specials;
  }

 private:
  [[noreturn]] void refuse(const std::string& path, const std::string& found,
                           const std::string& wanted) const {
    fail(ErrorKind::kBadData, "{}: {}: found {}, wanted {} ({})", where_, path, found, wanted, kSupported);
  }

  static const Json& member(const Json& object, const std::string& key) {
    static const Json null_value;
    const auto it = object.find(key);
    return it == object.end() ? null_value : *it;
  }

  void require_null(const Json& object, const std::string& path, const std::string& key) const {
    const Json& value = member(object, key);
    if (!value.is_null()) refuse(path + "/" + key, shown(value), "null");
  }

  // Affixes of sub-words: null or "".
  void require_no_text(const Json& object, const std::string& path, const std::string& key) const {
    const Json& value = member(object, key);
    if (!value.is_null() && value != "") refuse(path + "/" + key, shown(value), "null");
  }

  void require_not_set(const Json& object, const std::string& path, const std::string& key) const {
    const Json& value = member(object, key);
    if (!value.is_null() && value != false) refuse(path + "/" + key, shown(value), "false");
  }

  void check_byte_level_stage(const std::string& key, bool may_be_null) const {
    const Json& stage = member(root_, key);
    if (stage.is_null() && may_be_null) return;
    if (!stage.is_object()) refuse("/" + key, shown(stage), "an object of type ByteLevel");
    if (member(stage, "type") != "ByteLevel") {
      refuse("/" + key + "/type", shown(member(stage, "type")), "\"ByteLevel\"");
    }
    // The decoder's flag has no effect on ids.
    if (key == "pre_tokenizer" && member(stage, "add_prefix_space") != false) {
      refuse("/pre_tokenizer/add_prefix_space", shown(member(stage, "add_prefix_space")), "false");
    }
  }

  std::vector<std::string> read_added_tokens() const {
    const Json& added = member(root_, "added_tokens");
    if (added.is_null()) return {};
    if (!added.is_array()) refuse("/added_tokens", shown(added), "an array");
    std::vector<std::string> specials(added.size());
    std::set<std::string> contents;
    std::vector<bool> seen(added.size(), false);
    for (size_t i = 0; i < added.size(); ++i) {
      const std::string path = fmt::format("/added_tokens/{}", i);
      const Json& token = added[i];
      if (!token.is_object()) refuse(path, shown(token), "an object");
      const Json& id = member(token, "id");
      const int64_t end = kByteValues + static_cast<int64_t>(added.size());
      if (!id.is_number_integer() || id.get<int64_t>() < kByteValues || id.get<int64_t>() >= end) {
        refuse(path + "/id", shown(id), fmt::format("an id in [{}, {})", kByteValues, end));
      }
      const size_t index = static_cast<size_t>(id.get<int64_t>() - kByteValues);
      if (seen[index]) refuse(path + "/id", shown(id), "an id that no other token has");
      seen[index] = true;
      const Json& content = member(token, "content");
      if (!content.is_string() || content.get_ref<const std::string&>().empty()) {
        refuse(path + "/content", shown(content), "a non-empty string");
      }
      if (!contents.insert(content.get<std::string>()).second) {
        refuse(path + "/content", shown(content), "a text that no other token has");
      }
      if (member(token, "special") != true)
        refuse(path + "/special", shown(member(token, "special")), "true");
      specials[index] = content.get<std::string>();
    }
    return specials;
  }

  void check_model(const std::vector<std::string>& specials) const {
    const Json& model = member(root_, "model");
    if (!model.is_object()) refuse("/model", shown(model), "an object");
    if (member(model, "type") != "BPE") refuse("/model/type", shown(member(model, "type")), "\"BPE\"");
    require_no_text(model, "/model", "continuing_subword_prefix");
    require_no_text(model, "/model", "end_of_word_suffix");
    require_not_set(model, "/model", "byte_fallback");
    const Json& dropout = member(model, "dropout");
    if (!dropout.is_null() && dropout != 0) refuse("/model/dropout", shown(dropout), "null");
    const Json& merges = member(model, "merges");
    if (!merges.is_array()) refuse("/model/merges", shown(merges), "an empty array");
    if (!merges.empty()) refuse("/model/merges", fmt::format("{} merges", merges.size()), "an empty array");

    const Json& vocab = member(model, "vocab");
    if (!vocab.is_object()) refuse("/model/vocab", shown(vocab), "an object");
    std::set<std::string> allowed(specials.begin(), specials.end());
    const auto characters = byte_characters();
    for (size_t byte = 0; byte < characters.size(); ++byte) {
      const Json& id = member(vocab, characters[byte]);
      if (!id.is_number_integer() || id.get<int64_t>() != static_cast<int64_t>(byte)) {
        refuse(fmt::format("/model/vocab, the character of byte {} (\"{}\")", byte, characters[byte]),
               id.is_null() ? "nothing" : "id " + shown(id), fmt::format("id {}", byte));
      }
      allowed.insert(characters[byte]);
    }
    for (const auto& [text, id] : vocab.items()) {
      if (!allowed.contains(text)) {
        refuse(fmt::format("/model/vocab, entry {}", shown(Json(text))), "id " + shown(id),
               "no entries but the 256 byte characters and the special tokens");
      }
    }
    for (size_t i = 0; i < specials.size(); ++i) {
      const Json& id = member(vocab, specials[i]);
      const int64_t wanted = kByteValues + static_cast<int64_t>(i);
      if (!id.is_null() && id != wanted) {
        refuse(fmt::format("/model/vocab, entry {}", shown(Json(specials[i]))), "id " + shown(id),
               fmt::format("id {}, as in added_tokens", wanted));
      }
    }
  }

  std::string where_;
  Json root_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "tokenizer.json";
  const std::string text = read_text_file(path);
  Json root;
  try {
    root = Json::parse(text);
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, "{}: not JSON: {}", path.string(), error.what());
  }
  return make_byte_tokenizer_with(Reader(path.string(), std::move(root)).special_tokens());
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
  const auto characters = byte_characters();
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
