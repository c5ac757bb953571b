#include "trainer/tasks/encode_pair.h"

#include <string>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// As Python's str.rstrip: the information separators count, besides what has the property White_Space.
bool is_stripped(uint32_t code_point) {
  return is_white_space(code_point) || (code_point >= 0x1C && code_point <= 0x1F);
}

size_t without_space_at_end(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    const size_t begin = previous_character(text, end);
    size_t at = begin;
    if (!is_stripped(next_code_point(text, at))) break;
    end = begin;
  }
  return end;
}

}  // namespace

EncodedPair encode_pair(const Tokenizer& tokenizer, std::string_view context, std::string_view continuation,
                        const PairOptions& options) {
  const std::string valid = replace_invalid_utf8(context);
  const size_t end = without_space_at_end(valid);
  const std::string head = valid.substr(0, end), whole = valid + std::string(continuation);
  const size_t in_front = options.start.size() + tokenizer.encode(head).size();
  EncodedPair pair;
  pair.tokens = options.start;
  for (const int32_t id : tokenizer.encode(whole)) pair.tokens.push_back(id);
  if (pair.tokens.size() <= in_front) {
    fail(ErrorKind::kBadData, "the continuation \"{}\" has no token of its own behind its context",
         shorten(continuation, 40));
  }
  pair.continuation = static_cast<int64_t>(pair.tokens.size() - in_front);
  if (in_front == 0) {
    if (options.prefix < 0) {
      fail(ErrorKind::kBadData,
           "the continuation \"{}\" has no context, and the tokenizer names no BOS or EOS to stand for it",
           shorten(continuation, 40));
    }
    pair.tokens.insert(pair.tokens.begin(), options.prefix);
  }
  if (pair.continuation > options.window) {
    fail(ErrorKind::kBadData, "the continuation \"{}\" has {} tokens, more than the window of {}",
         shorten(continuation, 40), pair.continuation, options.window);
  }
  const int64_t beyond = static_cast<int64_t>(pair.tokens.size()) - (options.window + 1);
  if (beyond > 0) {
    pair.tokens.erase(pair.tokens.begin(), pair.tokens.begin() + beyond);
    pair.is_cut = true;
  }
  return pair;
}

}  // namespace ropeway
