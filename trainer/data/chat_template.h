// Which format a model's chat template writes. Templates are known by their text: published ones are listed
// by the hash of theirs, and one that is not listed is not guessed at.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/config/data_choices.h"
#include "trainer/data/chat_format.h"
#include "trainer/data/document_marks.h"

namespace ropeway {

// How the conversations of a corpus are written out.
struct ChatTemplate {
  std::optional<ChatFormatName> format;
  NamedTexts named;
  std::string refusal = "no model's files were looked at";  // why there is no format
};

// Conversations, and no format for them: one can be named.
class NoChatFormat : public Error {
 public:
  // what: "FILE:3: conversations".
  NoChatFormat(ErrorKind kind, const std::string& what, const ChatTemplate& chat)
      : Error(kind, fmt::format("{} need a chat template, and {}", what, chat.refusal)) {}
};
// The names of all formats.
std::vector<std::string> names_of_chat_formats();

// choice: kAuto: the format of the template in the folder's chat_template.jinja or tokenizer_config.json, of
// several the one named "default". Throws kBadData for files that cannot be read; what is not there or not
// known is a refusal, for a corpus that needs it.
ChatTemplate chat_template_of(const std::filesystem::path& folder, ChatFormatName choice,
                              const Tokenizer& tokenizer, const NamedTokens& named);

// By the template's hash; nullopt: it is not a known one.
std::optional<ChatFormatName> format_of_template(std::string_view sha256);
// SHA-256 of the text, the escape \n of strings as the line feed it stands for, white space at the end cut.
std::string sha256_of_template(std::string_view text);

}  // namespace ropeway
