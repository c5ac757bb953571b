// What a model reads so that it answers: the turns of a conversation as its chat template writes them, up to
// where the assistant speaks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/data/chat_template.h"
#include "trainer/data/example.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct ChatPrompt {
  std::vector<int32_t> ids;
  int32_t end = -1;  // the token with which the assistant ends its turn
};

// Throws kBadData "WHERE: ..." for what ExampleEncoder refuses: a model without a known template, turns that
// its format has no place for, a turn that spells a special token of the format.
ChatPrompt chat_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat, std::vector<ChatTurn> turns,
                       int64_t vocab_size, const std::string& where);

}  // namespace ropeway
