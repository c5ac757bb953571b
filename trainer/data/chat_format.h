// How the turns of a conversation become one text: what chat templates in common use write, as data. A format
// is known by the name a recipe gives it or by the text of the template that writes it (chat_template.h);
// templates are programs, and none is executed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/data/example.h"

namespace ropeway {

// A piece of the text of an example. Where it is a special token of the tokenizer, it is that token.
struct TextPart {
  std::string text;
  bool is_scored = false;
  bool is_content = false;  // what a person or a model wrote; otherwise the format's own
};

// Texts of the tokens that a format calls BOS and EOS; "": the tokenizer names none.
struct NamedTexts {
  std::string bos, eos;
};

struct ChatFormat;
const ChatFormat& chat_format(ChatFormatName name);

}  // namespace ropeway
