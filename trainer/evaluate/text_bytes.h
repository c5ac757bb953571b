// Bytes of text that a run of tokens spells.
#pragma once

#include <cstdint>
#include <span>

namespace ropeway {

class Tokenizer;

// Of text[begin, end): what writing out the tokens before and with them differs in, so that a blank that the
// tokenizer drops at the front of a text is counted inside of one. Exact, except that a tokenizer that writes
// a cut character as U+FFFD is off by the bytes of one.
double text_bytes(const Tokenizer& tokenizer, std::span<const int32_t> text, int64_t begin, int64_t end);

}  // namespace ropeway
