// Passkey retrieval (Mohtashami & Jaggi 2023; LongRoPE section 4): a five-digit number hidden in text
// and asked for at the end. The haystack is real prose, so that a model cannot tell the needle by
// its surroundings alone.
//
//   ... prose The pass key is 12345. Remember it. 12345 is the pass key. prose ...
//   What is the pass key? The pass key is 12345.
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
  int64_t repeat_begin = 0;  // index of the key's second mention, inside the needle; answer_count tokens
};

struct PasskeyOptions {
  int64_t length = 0;               // tokens
  double depth = 0;                 // 0: needle at the start, 1: right before the question
  uint64_t seed = 0, index = 0;     // digits are a pure function of both
  std::vector<int32_t> start = {};  // tokens in front of all others, counted in `length`
};
// Whether needle and question have room in `length` tokens.
bool passkey_fits(const Tokenizer& tokenizer, int64_t length);
// `haystack`: at least `length` tokens, less those of the start. Throws kConfig when length is too short for needle and question.
PasskeySample make_passkey_sample(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                  const PasskeyOptions& options);

}  // namespace ropeway
