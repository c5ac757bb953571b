#include "trainer/data/render_turns.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/data/chat_format_row.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

using System = ChatFormat::System;
using Thoughts = ChatFormat::Thoughts;

constexpr std::string_view kThink = "<think>", kEndThink = "</think>";
// Modes of Thoughts::kByMode.
constexpr std::string_view kNoThink = "/no_think", kThinkMode = "/think";

// What Python's str.strip takes away.
bool is_stripped(std::string_view text, size_t at) {
  const uint32_t code_point = next_code_point(text, at);
  return is_white_space(code_point) || (code_point >= 0x1C && code_point <= 0x1F);
}

std::string_view without_front(std::string_view text) {
  while (!text.empty() && is_stripped(text, 0)) text.remove_prefix(utf8_length(text.front()));
  return text;
}

std::string_view without_back(std::string_view text) {
  while (!text.empty()) {
    const size_t last = previous_character(text, text.size());
    if (!is_stripped(text, last)) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view without_line_feeds(std::string_view text, bool at_front, bool at_back) {
  while (at_front && text.starts_with('\n')) text.remove_prefix(1);
  while (at_back && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// An answer that holds </think>: what is before the first, from the last <think> on, and what is behind the
// last.
struct Answer {
  std::string_view thoughts, said;
};
Answer answer_of(std::string_view content) {
  const size_t end = content.find(kEndThink);
  if (end == std::string_view::npos) return {{}, content};
  std::string_view thoughts = without_line_feeds(content.substr(0, end), false, true);
  if (const size_t begin = thoughts.rfind(kThink); begin != std::string_view::npos) {
    thoughts.remove_prefix(begin + kThink.size());
  }
  const std::string_view said = content.substr(content.rfind(kEndThink) + kEndThink.size());
  return {without_line_feeds(thoughts, true, true), without_line_feeds(said, true, false)};
}

class Writer {
 public:
  Writer(const ChatFormat& format, const NamedTexts& named, const std::vector<ChatTurn>& turns,
         const std::string& where)
      : format_(format), named_(named), turns_(turns), where_(where) {}

  std::vector<TextPart> write() {
    if (turns_.empty()) refuse("there are no turns");
    size_t first = 0;
    const bool begins_with_system = turns_.front().role == "system";
    add(format_.start);
    if (format_.system_place == System::kGathered) {
      write_gathered();
    } else if (format_.system_place == System::kHeader) {
      const std::string* const said = begins_with_system ? &turns_[first++].content : nullptr;
      format_.thoughts == Thoughts::kByMode ? write_mode(said) : write_header(said);
    } else if (format_.system_place == System::kFirstUser) {
      if (begins_with_system) within_user_ = &turns_[first++].content;
    } else if (!begins_with_system && !format_.default_system.empty()) {
      add(format_.system);
      add({format_.default_system});
      add(format_.system_end);
    }
    require_order(first);
    for (size_t i = first; i < turns_.size(); ++i) write_turn(i, first);
    if (format_.user_ends_answer && turns_.back().role == "assistant") {
      add({format_.user.front()}, ends_answer(turns_.size()));
    }
    add(format_.end);
    return std::move(parts_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::kBadData, "{}: {} (as {} has it)", where_,
         fmt::format(format, std::forward<Args>(args)...), word_of(format_.name));
  }

  void require_order(size_t first) const {
    for (size_t i = first; i < turns_.size(); ++i) {
      const std::string& role = turns_[i].role;
      const bool is_system = role == "system" && has_system_turns();
      if (role != "user" && role != "assistant" && !is_system) {
        refuse("turn {}: found the role '{}', wanted user or assistant", i, role.substr(0, 40));
      }
      if (format_.alternates && (role == "user") != ((i - first) % 2 == 0)) {
        refuse("turn {}: found the role {}, wanted user and assistant by turns", i, role);
      }
    }
  }

  bool has_system_turns() const {
    return format_.system_place == System::kAnyTurn || format_.system_place == System::kGathered ||
           (format_.system_place == System::kHeader && !format_.system.empty());
  }

  void write_header(const std::string* said) {
    add(format_.header);
    if (said != nullptr) say(stripped(*said, format_.trims_user));
    add(format_.header_end);
  }

  void write_gathered() {
    add(format_.header);
    for (const ChatTurn& turn : turns_) {
      if (turn.role != "system") continue;
      add(format_.system);
      say(turn.content);
      add(format_.system_end);
    }
    add(format_.header_end);
  }

  // A header with the mode that the system's words hold, and these without it.
  void write_mode(const std::string* said) {
    std::string words = said == nullptr ? "" : *said;
    if (words.find("/system_override") != std::string::npos) {
      refuse("the system says /system_override, which makes another header");
    }
    skips_thoughts_ = words.find(kNoThink) != std::string::npos;
    for (const std::string_view mode : {kNoThink, kThinkMode}) {
      for (size_t at = 0; (at = words.find(mode, at)) != std::string::npos;) words.erase(at, mode.size());
    }
    words = without_back(words);
    if (words.empty()) words = skips_thoughts_ ? format_.default_system : format_.thinking_system;
    add(format_.header);
    add({skips_thoughts_ ? kNoThink : kThinkMode, "\n\n## Custom Instructions\n\n"});
    say(words);
    add(format_.header_end);
  }

  void write_turn(size_t i, size_t first) {
    const ChatTurn& turn = turns_[i];
    if (turn.role == "assistant") {
      write_answer(i);
    } else if (turn.role == "system") {
      if (format_.system_place == System::kGathered) return;
      if (format_.skips_empty_system && turn.content.empty()) return;
      add(format_.system);
      say(stripped(turn.content, format_.trims_user));
      add(format_.system_end);
    } else {
      add_user(format_.user_ends_answer && ends_answer(i));
      const bool has_system = within_user_ != nullptr && i == first;
      if (has_system) {
        add(format_.system);
        say(*within_user_);
        add(format_.system_end);
      }
      // Where the two are joined before they are stripped, the front of what the user says stays.
      const bool keeps_front = has_system && !format_.system.empty();
      say(stripped(turn.content, format_.trims_user, keeps_front));
      add(format_.user_end);
    }
  }

  // Whether the turn before i, systems aside, is an answer that is scored.
  bool ends_answer(size_t i) const {
    while (i-- > 0) {
      if (turns_[i].role != "system") return turns_[i].role == "assistant" && !turns_[i].is_prompt;
    }
    return false;
  }

  void add_user(bool ends_answer) {
    add({format_.user.front()}, ends_answer);
    add({format_.user.begin() + 1, format_.user.end()});
  }

  void write_answer(size_t i) {
    const ChatTurn& turn = turns_[i];
    add(format_.assistant);
    if (format_.thoughts == Thoughts::kText) {
      say(stripped(turn.content, format_.trims_assistant), !turn.is_prompt);
    } else if (format_.thoughts == Thoughts::kByMode) {
      if (skips_thoughts_) add({kThink, "\n\n", kEndThink, "\n"});
      say(without_line_feeds(turn.content, true, false), !turn.is_prompt);
    } else {
      answer(i);
    }
    add(format_.assistant_end, !turn.is_prompt);
    if (i + 1 < turns_.size() || !format_.last_answer_is_open) add(format_.behind_assistant);
  }

  // The answer of turn i with its thoughts, or without.
  void answer(size_t i) {
    const bool is_scored = !turns_[i].is_prompt;
    const Answer answer = answer_of(turns_[i].content);
    const bool thinks = i > last_user() && (i + 1 == turns_.size() || !answer.thoughts.empty());
    if (thinks) {
      add({kThink, "\n"}, is_scored && format_.thoughts == Thoughts::kSaid);
      say(answer.thoughts, is_scored);
      add({"\n", kEndThink, "\n\n"}, is_scored);
    }
    say(without_line_feeds(answer.said, thinks, false), is_scored);
  }

  // The last turn in which a user asks, and does not hand back what a tool answered; where none does, the
  // last turn.
  size_t last_user() const {
    for (size_t i = turns_.size(); i-- > 0;) {
      const std::string& content = turns_[i].content;
      const bool is_of_tool = content.starts_with("<tool_response>") && content.ends_with("</tool_response>");
      if (turns_[i].role == "user" && !is_of_tool) return i;
    }
    return turns_.size() - 1;
  }

  static std::string_view stripped(std::string_view text, bool strips, bool keeps_front = false) {
    if (!strips) return text;
    return without_back(keeps_front ? text : without_front(text));
  }

  void say(std::string_view text, bool is_scored = false) {
    parts_.push_back({std::string(text), is_scored, true});
  }

  void add(const Pieces& pieces, bool is_scored = false) {
    for (const std::string_view piece : pieces) {
      std::string text(piece);
      if (piece == "{bos}") text = named_.bos;
      if (piece == "{eos}") text = named_.eos;
      if (text.empty()) refuse("the tokenizer names no {}", piece == "{bos}" ? "BOS" : "EOS");
      parts_.push_back({std::move(text), is_scored, false});
    }
  }

  const ChatFormat& format_;
  const NamedTexts& named_;
  const std::vector<ChatTurn>& turns_;
  const std::string& where_;
  const std::string* within_user_ = nullptr;  // what the system says there
  bool skips_thoughts_ = false;               // by the mode
  std::vector<TextPart> parts_;
};

}  // namespace

std::vector<TextPart> render_turns(const ChatFormat& format, const NamedTexts& named,
                                   const std::vector<ChatTurn>& turns, const std::string& where) {
  return Writer(format, named, turns, where).write();
}

}  // namespace ropeway
