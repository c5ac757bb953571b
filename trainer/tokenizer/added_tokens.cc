#include "trainer/tokenizer/added_tokens.h"

#include <utf8proc.h>

#include <algorithm>

#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// \w of Unicode's UTS #18, as far as general categories tell it.
bool is_word(uint32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return code == 0x200C || code == 0x200D;  // the joiners
  }
}

bool word_before(std::string_view text, size_t end) {
  if (end == 0) return false;
  size_t at = previous_character(text, end);
  return is_word(next_code_point(text, at));
}

bool word_behind(std::string_view text, size_t at) {
  return at < text.size() && is_word(next_code_point(text, at));
}

size_t white_space_begin(std::string_view text, size_t end) {
  while (end > 0) {
    const size_t previous = previous_character(text, end);
    size_t at = previous;
    if (!is_white_space(next_code_point(text, at))) break;
    end = previous;
  }
  return end;
}

size_t white_space_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (!is_white_space(next_code_point(text, next))) break;
    at = next;
  }
  return at;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<std::pair<std::string, AddedToken>> tokens)
    : first_bytes_(256, false), token_at_(1, -1) {
  for (auto& [text, token] : tokens) {
    if (text.empty()) continue;
    first_bytes_[static_cast<unsigned char>(text[0])] = true;
    uint32_t node = 0;
    for (const char c : text) {
      const auto next = static_cast<uint32_t>(token_at_.size());
      const auto [child, is_new] =
          children_.try_emplace(uint64_t{node} << 8 | static_cast<unsigned char>(c), next);
      if (is_new) token_at_.push_back(-1);
      node = child->second;
    }
    token_at_[node] = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(std::move(token));
  }
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text, size_t at, size_t& bytes) const {
  if (!first_bytes_[static_cast<unsigned char>(text[at])]) return nullptr;
  const AddedToken* longest = nullptr;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto child = children_.find(uint64_t{node} << 8 | static_cast<unsigned char>(text[i]));
    if (child == children_.end()) break;
    node = child->second;
    if (token_at_[node] < 0) continue;
    longest = &tokens_[static_cast<size_t>(token_at_[node])];
    bytes = i + 1 - at;
  }
  return longest;
}

void AddedTokenFinder::for_each_part(
    std::string_view text, bool read_special_tokens,
    const std::function<void(size_t, size_t, std::optional<int32_t>)>& part) const {
  size_t done = 0;
  for (size_t at = tokens_.empty() ? text.size() : 0; at < text.size();) {
    size_t bytes = 0;
    const AddedToken* token = longest_at(text, at, bytes);
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + bytes;
    at = end;  // also where the token does not count: its text is not searched again
    if (token->special && !read_special_tokens) continue;
    if (token->single_word && (word_before(text, begin) || word_behind(text, end))) continue;
    if (token->lstrip) begin = std::max(white_space_begin(text.substr(0, begin), begin), done);
    if (token->rstrip) at = end = white_space_end(text, end);
    if (done < begin) part(done, begin, std::nullopt);
    part(begin, end, token->id);
    done = end;
  }
  if (done < text.size()) part(done, text.size(), std::nullopt);
}

}  // namespace ropeway
