#include "trainer/formats/gguf/pre_tokenizers.h"

#include <array>
#include <string>
#include <vector>

namespace ropeway {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Words of Llama 3 and Qwen 2: contractions, letters with one sign before them, digits (up to three, or one),
// signs, line ends, blanks.
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// These split letters at changes of case as well.
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Of several rows that treat text alike, the first is written.
constexpr std::array kPreTokenizers = {
    PreTokenizer{.name = "gpt-2", .split = ""},
    PreTokenizer{.name = "phi-2", .split = ""},
    PreTokenizer{.name = "olmo", .split = "", .nfc = true},
    PreTokenizer{.name = "smollm", .split = "", .single_digits = true},
    PreTokenizer{.name = "starcoder", .split = "", .single_digits = true},
    PreTokenizer{.name = "llama-bpe", .split = kLlama3, .whole_words_first = true, .adds_bos = true},
    PreTokenizer{.name = "llama3", .split = kLlama3, .whole_words_first = true, .adds_bos = true},
    PreTokenizer{.name = "llama-v3", .split = kLlama3, .whole_words_first = true, .adds_bos = true},
    PreTokenizer{.name = "dbrx", .split = kLlama3},
    PreTokenizer{.name = "smaug-bpe", .split = kLlama3},
    PreTokenizer{.name = "qwen2", .split = kQwen2, .nfc = true},
    PreTokenizer{.name = "deepseek-r1-qwen", .split = kQwen2, .nfc = true},
    PreTokenizer{.name = "tekken", .split = kTekken, .whole_words_first = true},
    PreTokenizer{.name = "gpt-4o", .split = kGpt4o},
};

// The parts of a member that may be one object, a Sequence of them, or null.
std::vector<json> parts_of(const json& tokenizer, const char* member, const char* list) {
  const auto it = tokenizer.find(member);
  if (it == tokenizer.end() || it->is_null()) return {};
  if (it->value("type", "") != "Sequence") return {*it};
  return it->value(list, std::vector<json>{});
}

struct Treatment {
  std::string split;
  bool single_digits = false, nfc = false, byte_level = false;
  bool one_word = false;  // the whole text, where nothing splits it
};

// False when it holds something that no row has.
bool read_treatment(const json& tokenizer, Treatment& found) {
  for (const json& part : parts_of(tokenizer, "normalizer", "normalizers")) {
    if (part.value("type", "") != "NFC" || found.nfc) return false;
    found.nfc = true;
  }
  for (const json& part : parts_of(tokenizer, "pre_tokenizer", "pretokenizers")) {
    const std::string type = part.value("type", "");
    if (found.byte_level) return false;
    if (type == "Digits" && found.split.empty() && part.value("individual_digits", false)) {
      found.single_digits = true;
    } else if (type == "Split" && found.split.empty() && part.value("behavior", "") == "Isolated" &&
               !part.value("invert", false) && part.contains("pattern")) {
      found.split = part["pattern"].value("Regex", "");
      if (found.split.empty()) return false;
    } else if (type == "ByteLevel" && !part.value("add_prefix_space", true)) {
      const bool splits = part.value("use_regex", true);
      if (splits && !found.split.empty()) return false;
      found.byte_level = true;
      found.one_word = !splits && found.split.empty();
    } else {
      return false;
    }
  }
  return found.byte_level;
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& pre : kPreTokenizers) {
    if (pre.name == name) return &pre;
  }
  return nullptr;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const PreTokenizer& pre : kPreTokenizers) {
    names += names.empty() ? "" : ", ";
    names += pre.name;
  }
  return names;
}

ordered_json normalizer_json(const PreTokenizer& pre) {
  return pre.nfc ? ordered_json{{"type", "NFC"}} : ordered_json(nullptr);
}

ordered_json pre_tokenizer_json(const PreTokenizer& pre) {
  ordered_json byte_level = {{"type", "ByteLevel"},
                             {"add_prefix_space", false},
                             {"trim_offsets", true},
                             {"use_regex", pre.split.empty()}};
  ordered_json parts = ordered_json::array();
  if (pre.single_digits) parts.push_back({{"type", "Digits"}, {"individual_digits", true}});
  if (!pre.split.empty()) {
    parts.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pre.split}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  if (parts.empty()) return byte_level;
  parts.push_back(std::move(byte_level));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

const PreTokenizer* recognise_pre_tokenizer(const json& tokenizer) {
  Treatment found;
  if (!read_treatment(tokenizer, found)) return nullptr;
  // Where nothing is merged it does not matter what a word is.
  if (found.one_word && !tokenizer.at("model").at("merges").empty()) return nullptr;
  const bool whole_words_first = tokenizer.at("model").value("ignore_merges", false);
  for (const PreTokenizer& pre : kPreTokenizers) {
    if (pre.split == found.split && pre.single_digits == found.single_digits && pre.nfc == found.nfc &&
        pre.whole_words_first == whole_words_first) {
      return &pre;
    }
  }
  return nullptr;
}

}  // namespace ropeway
