// The "added_tokens" of tokenizer.json: texts that are one token each, found in the text before the model
// sees it. At every place the longest one wins. Tokens with `normalized` are looked for after the normalizer,
// in their own normalized form; special tokens are those that mark a text rather than being part of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ropeway {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool special = false, normalized = false;
  bool single_word = false;             // not inside a word
  bool lstrip = false, rstrip = false;  // takes the white space on that side with it
};

// Finds tokens in a text.
class AddedTokenFinder {
 public:
  // The text of each token to look for, and the token.
  explicit AddedTokenFinder(std::vector<std::pair<std::string, AddedToken>> tokens);

  // Calls part(begin, end, id) for consecutive parts of the text; id is nullopt where there is no token.
  void for_each_part(std::string_view text, bool read_special_tokens,
                     const std::function<void(size_t, size_t, std::optional<int32_t>)>& part) const;

 private:
  const AddedToken* longest_at(std::string_view text, size_t at, size_t& bytes) const;

  std::vector<AddedToken> tokens_;
  // A tree over the texts' bytes: node 0 is the root, children_ maps node * 256 + byte to a node.
  std::vector<bool> first_bytes_;
  std::unordered_map<uint64_t, uint32_t> children_;
  std::vector<int32_t> token_at_;  // of each node: index of the token that ends there, or -1
};

}  // namespace ropeway
