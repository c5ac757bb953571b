// Documents whose answers tell how far back a model reads: the fitness of LongRoPE2's search (Shang et al.
// 2025, section 3.3), whose sentences are those of RULER's needle tasks.
//
//   A special magic number is hidden within the following text. Make sure to memorize it. I will quiz
//   you about the number afterwards.
//   One of the special magic numbers for quiet-harbor is: 4821377.
//   text text ...
//   What is the special magic number for quiet-harbor mentioned in the provided text? The special magic
//   number for quiet-harbor mentioned in the provided text is 4821377
//
// With several needles each is asked for in turn, in random order, with its true answer before the next: a
// pass is as many trials as it has needles.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trainer/data/located_text.h"

namespace ropeway {

struct NeedleDocument {
  std::vector<int32_t> tokens;      // exactly `length`
  std::vector<TokenRange> answers;  // the digits of each, in the order of the questions
  std::vector<TokenRange> text;     // stretches of the haystack, in order
};

struct NeedleDocumentOptions {
  int64_t length = 0;
  // At most: fewer where needles and questions would take more than half of the length, but one in any case.
  int64_t needles = 1;
  // Needle i of N lies at (i + offset) / N of the haystack, 0 <= offset < 1. Nothing: all at its start.
  std::optional<double> offset = {};
  uint64_t seed = 0, index = 0;     // keys and numbers are a pure function of both
  std::vector<int32_t> start = {};  // tokens in front of all others, such as a BOS, counted in `length`
};

// haystack: at least `length` tokens, less those of the start; one that begins with the start is used from
// behind it. Throws kConfig naming the tokens where one needle has no room, kBadData for a tokenizer that
// does not keep digits.
NeedleDocument make_needle_document(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                    const NeedleDocumentOptions& options);

// How many needles such a document has; 0 where not even one has room.
int64_t needles_that_fit(const Tokenizer& tokenizer, const NeedleDocumentOptions& options);
// Throws as make_needle_document() where one needle has no room.
void require_room_for_needle(const Tokenizer& tokenizer, const NeedleDocumentOptions& options);

}  // namespace ropeway
