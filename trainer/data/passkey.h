// Passkey retrieval (Mohtashami & Jaggi 2023; LongRoPE section 4): a five-digit number hidden in text and
// asked for at the end.
//
// In real prose, so that a model cannot tell the needle by its surroundings alone:
//   ... prose The pass key is 12345. Remember it. 12345 is the pass key. prose ...
//   What is the pass key? The pass key is 12345.
// As published: a line that sets the task, then five sentences over and over, the needle in a line of its own
// and the question in the last.
//
// Needle and question are encoded as one text each, and the digits' tokens are those that hold their bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct PasskeySample {
  std::vector<int32_t> tokens;  // exactly `length`
  int64_t answer_begin = 0;  // index of the answer's first token; its prediction is made at answer_begin - 1
  int64_t answer_count = 0;
  int64_t repeat_begin = 0;  // index of the key's second mention, inside the needle
  int64_t repeat_count = 0;
};

struct PasskeyOptions {
  int64_t length = 0;            // tokens
  double depth = 0;              // 0: needle at the start, 1: right before the question
  uint64_t seed = 0, index = 0;  // digits are a pure function of both
  // Tokens in front of all others, counted in `length`; a haystack that begins with them is used from behind
  // them.
  std::vector<int32_t> start = {};
};
// Whether needle and question have room in `length` tokens, of which `start_tokens` go in front.
bool passkey_fits(const Tokenizer& tokenizer, int64_t length, int64_t start_tokens = 0);
// `haystack`: at least `length` tokens, less those of the start. Throws kConfig when length is too short for
// needle and question, kBadData for a tokenizer that does not keep digits.
PasskeySample make_passkey_sample(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                  const PasskeyOptions& options);

// The sentences of the published task in place of a haystack. One of it serves many samples.
class PublishedPasskeys {
 public:
  explicit PublishedPasskeys(const Tokenizer& tokenizer);
  // Throws as make_passkey_sample().
  PasskeySample make(const PasskeyOptions& options) const;

 private:
  const Tokenizer& tokenizer_;
  std::vector<int32_t> task_, filler_;  // once
};

}  // namespace ropeway
