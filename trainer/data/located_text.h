// Text as tokens that know where in the text they are. The tokenizers give no offsets, and encoding the parts
// of a sentence apart gives other tokens than the sentence has (SentencePiece puts a blank before each part).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

class Tokenizer;

struct TokenRange {
  int64_t begin = 0, count = 0;
};

struct LocatedText {
  std::vector<int32_t> tokens;
  std::vector<int64_t> ends;  // of each token: the bytes of `text` up to its end
  std::string text;           // as the tokenizer writes the tokens out

  // The tokens that hold some of text[begin, begin + bytes).
  TokenRange tokens_of(int64_t begin, int64_t bytes) const;
  // Where `part` stands for the time `nth`, counted from 0. Throws kBadData where the tokenizer has not kept
  // it.
  TokenRange find(std::string_view part, int64_t nth = 0) const;
};

// A short text as it goes on from other text: no blank is put before it. Takes time with the square of its
// length.
LocatedText encode_further_text(const Tokenizer& tokenizer, std::string_view text);

}  // namespace ropeway
