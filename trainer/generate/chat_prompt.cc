#include "trainer/generate/chat_prompt.h"

#include "kernels/base/error.h"
#include "trainer/data/encode_example.h"

namespace ropeway {

// An empty turn of the assistant comes last. Of that turn, training scores what the assistant says and the
// token that ends it: what stands before is what the assistant answers to.
ChatPrompt chat_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat, std::vector<ChatTurn> turns,
                       int64_t vocab_size, const std::string& where) {
  turns.push_back({"assistant", ""});
  Example conversation;
  conversation.kind = RecordKind::kMessages;
  conversation.turns = std::move(turns);
  EncodedExample encoded = ExampleEncoder(tokenizer, chat, vocab_size).encode(conversation, where);
  ROPEWAY_CHECK(!encoded.scored.empty(), "a chat format without an end of the assistant's turn");
  const ScoredRun last = encoded.scored.back();
  const int32_t end = encoded.ids[static_cast<size_t>(last.end - 1)];
  encoded.ids.resize(static_cast<size_t>(last.begin));
  return {std::move(encoded.ids), end};
}

}  // namespace ropeway
