// Many needles in one pass: sentences that each give a number to a key are spread over a text, and at its end
// all of them are asked for, in random order, with their true answers. One pass is then as many trials as it
// has needles.
//
//   ... text The pass key of tiger is 48213. text ... text The pass key of lemon is 90017. text ...
//   The pass key of lemon is 90017. The pass key of tiger is 48213.
//
// Greedy decoding of one question alone gives its answer right exactly when each of its tokens is the arg-max
// given the true ones before it. An earlier answer in the same pass cannot help a later one: numbers are
// drawn independently of each other, no key is asked for twice, and the order of the questions is independent
// of that of the needles. What it does show is the form of a question and its answer, as an example in a
// prompt does.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/evaluate/retrieval.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

class MarkedDocuments;
class Tokenizer;

enum class KeyKind {
  kWords,       // everyday nouns
  kConfusable,  // groups of four that differ in one letter, in a sentence of another form
};
inline constexpr int64_t kConfusableGroup = 4;

struct NeedleOptions {
  int64_t length = 0;
  int64_t needles = 20;  // in a pass, at depths spread evenly from 0 to 1
  int64_t passes = 10;
  uint64_t seed = 0;
  std::vector<int32_t> start = {};  // tokens in front of each sequence, such as a BOS
  KeyKind keys = KeyKind::kWords;
};

struct NeedlePass {
  struct Answer {
    int64_t begin = 0, count = 0;  // tokens of the answer to a question
    int64_t needle = 0;            // which one it asks for, by depth
  };
  std::vector<int32_t> tokens;        // exactly `length`
  std::vector<Answer> answers;        // in the order of the questions
  std::vector<int64_t> needle_begin;  // first token of each needle's sentence
};

// Pass `index`; a pure function of options, tokenizer, haystack and index. haystack: at least `length` tokens
// of text less those of the start. Throws kConfig where needles and questions have no room, naming the tokens
// that they take.
NeedlePass make_needle_pass(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                            const NeedleOptions& options, uint64_t index);

// Haystacks are the documents' successive stretches. Collective where the scores are. Throws kBadData naming
// documents and sizes where none has `length` tokens.
RetrievalResult evaluate_needles(const ScoreSequences& score, const MarkedDocuments& documents,
                                 const Tokenizer& tokenizer, const NeedleOptions& options);

}  // namespace ropeway
