// Tokens become text as they come, in whole UTF-8 characters: a character's bytes may be spread over several
// tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

class TextStream {
 public:
  // before: the tokens that the text follows on, which decide whether it begins with a space; the last one is
  // enough. Keeps a reference.
  TextStream(const Tokenizer& tokenizer, std::vector<int32_t> before);

  // The text that the token completes: valid UTF-8, "" while it is within a character. Bytes that are no UTF-8
  // become U+FFFD.
  std::string add(int32_t token);
  // What is left: a character that was begun is U+FFFD.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  std::vector<int32_t> ids_;  // those whose text is not said yet, behind one whose text is
  size_t said_ = 0;           // bytes of their text
};

}  // namespace ropeway
