// How byte-level BPE vocabularies cut a text into words before they merge bytes, by the name that
// tokenizer.ggml.pre gives it; and the same as tokenizer.json says it.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace ropeway {

struct PreTokenizer {
  std::string_view name;       // tokenizer.ggml.pre
  std::string_view split;      // the regular expression of a word; "": GPT-2's, which ByteLevel has built in
  bool single_digits = false;  // every digit is a word of its own, before anything else
  bool nfc = false;            // canonical composition first
  bool whole_words_first = false;  // a word that is a token is not merged up to it ("ignore_merges")
  bool adds_bos = false;           // where tokenizer.ggml.add_bos_token says nothing
};
const PreTokenizer* find_pre_tokenizer(std::string_view name);  // null: unknown
std::string pre_tokenizer_names();                              // for messages

// The members "normalizer" and "pre_tokenizer" of tokenizer.json.
nlohmann::ordered_json normalizer_json(const PreTokenizer& pre);
nlohmann::ordered_json pre_tokenizer_json(const PreTokenizer& pre);
// The row whose text treatment a tokenizer.json has; null when none has.
const PreTokenizer* recognise_pre_tokenizer(const nlohmann::json& tokenizer);

}  // namespace ropeway
