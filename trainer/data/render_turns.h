// The turns of a conversation as one text, in a chat format.
#pragma once

#include <string>
#include <vector>

#include "trainer/data/chat_format.h"
#include "trainer/data/example.h"

namespace ropeway {

// The conversation written out. Scored: what the assistant says behind its prompt and the token that ends it,
// but for turns of a prompt. Throws kBadData
// "WHERE: ..." for a role that the format has no place for, turns out of order where it wants them to
// alternate, and a BOS or EOS that the tokenizer does not name.
std::vector<TextPart> render_turns(const ChatFormat& format, const NamedTexts& named,
                                   const std::vector<ChatTurn>& turns, const std::string& where);

}  // namespace ropeway
