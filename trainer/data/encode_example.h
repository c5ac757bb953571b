// An example as token ids, with the stretches that are scored.
//
// The ids are those of the whole text, as transformers' tokenizers give them; where a scored part begins in
// the midst of a token, the token is scored, because it holds a character of the part.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/data/chat_template.h"
#include "trainer/data/example.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct EncodedExample {
  std::vector<int32_t> ids;
  std::vector<ScoredRun> scored;  // ascending, apart
};

class ExampleEncoder {
 public:
  // Keeps references. vocab_size: ids of examples that bring their own lie below it.
  ExampleEncoder(const Tokenizer& tokenizer, const ChatTemplate& chat, int64_t vocab_size)
      : tokenizer_(tokenizer), chat_(chat), vocab_size_(vocab_size) {}

  // No scored stretch: there is nothing to learn from it. Throws kBadData "WHERE: ..." for an id outside the
  // vocabulary, for what render_turns refuses, for a turn that spells a special token of the format, and for
  // conversations without a known template.
  EncodedExample encode(const Example& example, const std::string& where) const;

 private:
  EncodedExample encode_prompt(const Example& example) const;
  EncodedExample encode_turns(const Example& example, const std::string& where) const;
  EncodedExample take_ids(const Example& example, const std::string& where) const;

  const Tokenizer& tokenizer_;
  const ChatTemplate& chat_;
  const int64_t vocab_size_;
};

}  // namespace ropeway
