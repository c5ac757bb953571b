#include "trainer/tokenizer/bpe_reader.h"

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

Vocabulary read_vocabulary(const JsonValue& value) {
  Vocabulary vocabulary;
  std::vector<std::optional<std::string>> owner;  // of each id
  for (const std::string& text : value.keys()) {
    const JsonValue entry = value.at(text);
    const auto id = entry.integer(0, kMaxTokenId);
    if (static_cast<size_t>(id) >= owner.size()) owner.resize(static_cast<size_t>(id) + 1);
    std::optional<std::string>& taken = owner[static_cast<size_t>(id)];
    if (taken)
      entry.refuse(
          fmt::format("an id that no other token has: it is also that of '{}'", shorten(*taken, 40)));
    taken = text;
    vocabulary.emplace(text, static_cast<int32_t>(id));
  }
  if (vocabulary.empty()) value.refuse("at least one token");
  return vocabulary;
}

// "left right", or ["left", "right"] where tokens may hold spaces.
std::vector<Merge> read_merges(const JsonValue& value, const Vocabulary& vocabulary) {
  std::vector<Merge> merges;
  const int64_t count = value.size();
  merges.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const JsonValue entry = value.at(i);
    std::string left, right;
    if (entry.is_array()) {
      if (entry.size() != 2) entry.refuse("a pair of tokens");
      left = entry.at(int64_t{0}).string();
      right = entry.at(int64_t{1}).string();
    } else {
      const std::string line = entry.string();
      if (line.starts_with("#version")) continue;
      const size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
        entry.refuse("two tokens with one space between them");
      }
      left = line.substr(0, space);
      right = line.substr(space + 1);
    }
    if (left.empty() || right.empty()) entry.refuse("two tokens of at least one character");
    const auto id_of = [&](const std::string& token) {
      const auto found = vocabulary.find(token);
      if (found == vocabulary.end()) {
        fail(ErrorKind::kBadData, "{}: merges '{}' and '{}', but the vocabulary has no '{}'", entry.place(),
             shorten(left, 40), shorten(right, 40), shorten(token, 40));
      }
      return found->second;
    };
    merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
  return merges;
}

void require_nothing(const JsonValue& model, const std::string& key) {
  if (const auto value = model.find(key); value && !(value->is_string() && value->string().empty())) {
    value->refuse("null: affixes of sub-words are not supported");
  }
}

bool flag(const JsonValue& model, const std::string& key) {
  const auto value = model.find(key);
  return value && value->boolean();
}

}  // namespace

BpeModel read_bpe_model(const JsonValue& model) {
  if (const auto type = model.find("type"); type && type->string() != "BPE") type->refuse("BPE");
  require_nothing(model, "continuing_subword_prefix");
  require_nothing(model, "end_of_word_suffix");
  if (const auto dropout = model.find("dropout"); dropout && dropout->number() != 0) {
    dropout->refuse("null: ids would be random");
  }
  Vocabulary vocabulary = read_vocabulary(model.at("vocab"));
  const std::vector<Merge> merges = read_merges(model.at("merges"), vocabulary);
  BpeOptions options;
  options.byte_fallback = flag(model, "byte_fallback");
  options.fuse_unknown = flag(model, "fuse_unk");
  options.ignore_merges = flag(model, "ignore_merges");
  if (const auto unknown = model.find("unk_token")) {
    const auto found = vocabulary.find(unknown->string());
    if (found == vocabulary.end()) unknown->refuse("a token of the vocabulary");
    options.unknown = found->second;
  }
  return BpeModel(std::move(vocabulary), merges, options);
}

}  // namespace ropeway
