#include "trainer/data/encode_example.h"

#include <algorithm>
#include <map>
#include <optional>

#include "kernels/base/error.h"
#include "trainer/data/render_turns.h"

namespace ropeway {
namespace {

void add_run(std::vector<ScoredRun>& runs, int64_t begin, int64_t end) {
  if (begin >= end) return;
  if (!runs.empty() && begin <= runs.back().end) {
    runs.back().end = std::max(runs.back().end, end);
  } else {
    runs.push_back({begin, end});
  }
}

// Where a prefix of a text ends among the ids of the whole.
struct Border {
  int64_t inside = 0;  // ids that hold nothing behind it
  bool is_in_token = false;
};
// The ids are mostly those of the prefix alone, but for the last few, which what follows may have changed: of
// these the texts are compared.
Border border_of(const Tokenizer& tokenizer, std::span<const int32_t> of_prefix,
                 std::span<const int32_t> of_whole) {
  constexpr size_t kLongestCharacter = 4;  // bytes, which may be spread over tokens
  const auto same = std::ranges::mismatch(of_prefix, of_whole).in1 - of_prefix.begin();
  if (same == std::ssize(of_prefix)) return {same, false};
  const std::string rest = tokenizer.decode({of_prefix.begin() + same, of_prefix.end()});
  Border border{same, !rest.empty()};
  std::vector<int32_t> ids;
  for (auto id = of_whole.begin() + same; id != of_whole.end(); ++id) {
    ids.push_back(*id);
    const std::string text = tokenizer.decode(ids);
    if (text.size() > rest.size() + kLongestCharacter) break;
    if (rest.starts_with(text)) border = {same + std::ssize(ids), text.size() < rest.size()};
  }
  return border;
}

// The ids of a text in parts, and where in them a part begins: counted from the last special token before it,
// whose place is known, so that a long conversation is not encoded anew for each of its turns.
class PartPlaces {
 public:
  PartPlaces(const Tokenizer& tokenizer, const std::vector<TextPart>& parts, const std::string& where)
      : tokenizer_(tokenizer), parts_(parts) {
    std::string text;
    for (const TextPart& part : parts) text += part.text;
    ids_ = encode(text);
    find_special_tokens(where);
  }

  const std::vector<int32_t>& ids() const { return ids_; }

  // The first token with a character of the parts from `part` on.
  int64_t begin_of(size_t part) const { return border_before(part).inside; }
  // Behind the last token with a character of the parts before `part`.
  int64_t end_of(size_t part) const {
    const Border border = border_before(part);
    return border.inside + (border.is_in_token ? 1 : 0);
  }

 private:
  struct Stretch {
    int64_t begin = 0;  // its first token
    std::string text;
  };

  Border border_before(size_t part) const {
    const Stretch front = stretch_before(part);
    Border border =
        border_of(tokenizer_, encode(front.text), std::span(ids_).subspan(static_cast<size_t>(front.begin)));
    border.inside += front.begin;
    return border;
  }

  std::vector<int32_t> encode(const std::string& text) const {
    return text.empty() ? std::vector<int32_t>() : tokenizer_.encode(text, {.read_special_tokens = true});
  }

  // A part of the format that is one token, and as plain text is not.
  std::optional<int32_t> special_token(const TextPart& part) const {
    if (part.is_content || part.text.empty()) return std::nullopt;
    const std::vector<int32_t> ids = encode(part.text);
    if (ids.size() != 1 || tokenizer_.encode(part.text) == ids) return std::nullopt;
    return ids.front();
  }

  void find_special_tokens(const std::string& where) {
    std::map<std::string, std::optional<int32_t>> known;
    std::vector<std::pair<size_t, int32_t>> wanted;
    for (size_t p = 0; p < parts_.size(); ++p) {
      if (parts_[p].is_content) continue;
      auto found = known.find(parts_[p].text);
      if (found == known.end()) found = known.emplace(parts_[p].text, special_token(parts_[p])).first;
      if (found->second) wanted.emplace_back(p, *found->second);
    }
    const auto is_special = [&](int32_t id) {
      return std::ranges::any_of(known, [&](const auto& entry) { return entry.second == id; });
    };
    size_t next = 0;
    for (size_t i = 0; i < ids_.size(); ++i) {
      if (!is_special(ids_[i])) continue;
      if (next == wanted.size() || wanted[next].second != ids_[i]) break;
      places_[wanted[next++].first] = static_cast<int64_t>(i);
    }
    const auto count = std::ranges::count_if(ids_, is_special);
    if (count == std::ssize(wanted) && next == wanted.size()) return;
    fail(ErrorKind::kBadData,
         "{}: what is said there spells a special token of the chat template, such as '{}'; leave it out, or "
         "give token ids and labels",
         where, tokenizer_.decode({wanted.empty() ? ids_.front() : wanted.front().second}));
  }

  // From the last special token before `part`, or the text's begin.
  Stretch stretch_before(size_t part) const {
    size_t first = 0;
    Stretch stretch;
    if (auto place = places_.lower_bound(part); place != places_.begin()) {
      --place;
      first = place->first;
      stretch.begin = place->second;
    }
    for (size_t p = first; p < part; ++p) stretch.text += parts_[p].text;
    return stretch;
  }

  const Tokenizer& tokenizer_;
  const std::vector<TextPart>& parts_;
  std::vector<int32_t> ids_;
  std::map<size_t, int64_t> places_;  // of the parts that are special tokens
};

}  // namespace

EncodedExample ExampleEncoder::encode(const Example& example, const std::string& where) const {
  switch (example.kind) {
    case RecordKind::kPrompt:
      return encode_prompt(example);
    case RecordKind::kMessages:
    case RecordKind::kConversations:
    case RecordKind::kPromptTurns:
      return encode_turns(example, where);
    case RecordKind::kIds:
      return take_ids(example, where);
    case RecordKind::kText:
      break;
  }
  ROPEWAY_CHECK(false, "a text is no example");
  return {};
}

EncodedExample ExampleEncoder::encode_prompt(const Example& example) const {
  EncodedExample encoded;
  if (example.completion.empty()) return encoded;
  encoded.ids = tokenizer_.encode(example.prompt + example.completion);
  const std::vector<int32_t> of_prompt =
      example.prompt.empty() ? std::vector<int32_t>() : tokenizer_.encode(example.prompt);
  const int64_t begin = border_of(tokenizer_, of_prompt, encoded.ids).inside;
  add_run(encoded.scored, begin, std::ssize(encoded.ids));
  return encoded;
}

EncodedExample ExampleEncoder::encode_turns(const Example& example, const std::string& where) const {
  if (!chat_.format) throw NoChatFormat(ErrorKind::kBadData, where + ": conversations", chat_);
  const std::vector<TextPart> parts =
      render_turns(chat_format(*chat_.format), chat_.named, example.turns, where);
  EncodedExample encoded;
  if (std::ranges::none_of(parts, &TextPart::is_scored)) return encoded;
  const PartPlaces places(tokenizer_, parts, where);
  for (size_t p = 0; p < parts.size();) {
    size_t end = p;
    while (end < parts.size() && parts[end].is_scored) ++end;
    if (end > p) add_run(encoded.scored, places.begin_of(p), places.end_of(end));
    p = std::max(end, p + 1);
  }
  encoded.ids = places.ids();
  return encoded;
}

EncodedExample ExampleEncoder::take_ids(const Example& example, const std::string& where) const {
  for (size_t i = 0; i < example.ids.size(); ++i) {
    if (example.ids[i] >= 0 && example.ids[i] < vocab_size_) continue;
    fail(ErrorKind::kBadData, "{}: input_ids[{}]: found {}, wanted 0 to {}: the vocabulary has {}", where, i,
         example.ids[i], vocab_size_ - 1, vocab_size_);
  }
  EncodedExample encoded;
  encoded.ids = example.ids;
  // Nothing comes before the first token that could predict it.
  for (size_t i = 1; i < example.labels.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (example.labels[i] != kUnscored) add_run(encoded.scored, at, at + 1);
  }
  return encoded;
}

}  // namespace ropeway
