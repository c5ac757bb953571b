#include "trainer/generate/text_stream.h"

#include <algorithm>
#include <string_view>

#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kLongestCharacter = 4;  // tokens, where each is a byte

// Bytes at the end of the text that later tokens may make a character of: its first bytes, or what a tokenizer
// writes for them.
size_t open_bytes(std::string_view text) {
  size_t at = 0;
  for (;;) {
    at += valid_utf8_bytes(text.substr(at));
    if (at == text.size()) break;
    const IllFormed part = ill_formed_at(text, at);
    if (part.may_continue) return text.size() - at;
    at += part.bytes;
  }
  size_t open = 0;
  while (text.substr(0, text.size() - open).ends_with(kReplacement)) open += kReplacement.size();
  return open;
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<int32_t> before) : tokenizer_(tokenizer) {
  if (before.empty()) return;
  ids_ = {before.back()};
  said_ = tokenizer_.decode(ids_).size();
}

std::string TextStream::add(int32_t token) {
  ids_.push_back(token);
  const std::string text = tokenizer_.decode(ids_);
  const size_t begin = std::min(said_, text.size());
  const bool within = ids_.size() <= kLongestCharacter + 1;
  const size_t open = within ? std::min(open_bytes(text), text.size() - begin) : 0;
  const std::string fresh = text.substr(begin, text.size() - open - begin);
  if (open > 0) {
    said_ = text.size() - open;
  } else {
    ids_ = {token};
    said_ = tokenizer_.decode(ids_).size();
  }
  return replace_invalid_utf8(fresh);
}

std::string TextStream::finish() {
  if (ids_.empty()) return "";
  const std::string text = tokenizer_.decode(ids_);
  const std::string rest = text.substr(std::min(said_, text.size()));
  said_ = text.size();
  return replace_invalid_utf8(rest);
}

}  // namespace ropeway
