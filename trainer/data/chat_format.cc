#include "trainer/data/chat_format.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {

// Strings of the format's own; "{bos}" and "{eos}" stand for these tokens' texts. Each special token is a
// string of its own, so that its place among the ids is known.
using Pieces = std::vector<std::string_view>;

struct ChatFormat {
  ChatFormatName name;
  Pieces start = {};  // before the first turn
  // A user's turn and a system turn: before and behind what they say.
  Pieces user, user_end;
  Pieces system = {}, system_end = {};
  // The assistant's: its end is scored up to and with the token that tells the model to stop.
  Pieces assistant, assistant_end, behind_assistant = {};
  Pieces end = {};                                   // behind the last turn
  bool trims_user = false, trims_assistant = false;  // white space around what is said
  bool alternates = false;
  enum class System {
    kAnyTurn,    // a turn of its own, wherever it stands
    kFirstUser,  // the first turn only: before what the first user says, within its turn
    kHeader,     // header, what a first turn of the system says, header_end: always there. Further ones are
                 // turns, or refused where the template drops them, which is where `system` is empty
    kGathered,   // header, all turns of the system wherever they stand, header_end: always there
    kRefused,
  } system_place = System::kAnyTurn;
  Pieces header = {}, header_end = {};
  std::string_view default_system = {};  // said where no turn of the system comes first
  bool skips_empty_system = false;
  // What an answer says between <think> and </think>. Answers to the last user keep it, the last one also
  // when it is empty; earlier answers go without.
  enum class Thoughts {
    kText,      // is text like any other
    kSaid,      // the assistant opens it
    kPrompted,  // the prompt ends with its opening
    kByMode,    // is text; what the system says may hold a mode, /think or /no_think, in which prompts end
                // with an empty pair
  } thoughts = Thoughts::kText;
  bool last_answer_is_open = false;  // what is behind the assistant's end is not behind the last turn
  // An answer ends with the first token of the user's next turn, which stands behind the last answer too: the
  // template writes none there, and the makers' own fine-tuning adds it.
  bool user_ends_answer = false;
  std::string_view thinking_system = {};  // of kByMode: the default in the mode that thinks
};

namespace {

using Name = ChatFormatName;
using System = ChatFormat::System;
using Thoughts = ChatFormat::Thoughts;

constexpr std::string_view kThink = "<think>", kEndThink = "</think>";
// Modes of Thoughts::kByMode.
constexpr std::string_view kNoThink = "/no_think", kThinkMode = "/think";

ChatFormat chatml(Name name, std::string_view default_system = {}, Thoughts thoughts = Thoughts::kText) {
  return {.name = name,
          .user = {"<|im_start|>", "user\n"},
          .user_end = {"<|im_end|>", "\n"},
          .system = {"<|im_start|>", "system\n"},
          .system_end = {"<|im_end|>", "\n"},
          .assistant = {"<|im_start|>", "assistant\n"},
          .assistant_end = {"<|im_end|>"},
          .behind_assistant = {"\n"},
          .default_system = default_system,
          .thoughts = thoughts};
}

ChatFormat llama3(Name name, std::string_view behind_header = {}) {
  const Pieces system = {"<|start_header_id|>", "system", "<|end_header_id|>", "\n\n"};
  Pieces header;
  if (!behind_header.empty()) {
    header = system;
    header.back() = behind_header;
  }
  return {.name = name,
          .start = {"{bos}"},
          .user = {"<|start_header_id|>", "user", "<|end_header_id|>", "\n\n"},
          .user_end = {"<|eot_id|>"},
          .system = system,
          .system_end = {"<|eot_id|>"},
          .assistant = {"<|start_header_id|>", "assistant", "<|end_header_id|>", "\n\n"},
          .assistant_end = {"<|eot_id|>"},
          .trims_user = true,
          .trims_assistant = true,
          .system_place = header.empty() ? System::kAnyTurn : System::kHeader,
          .header = std::move(header),
          .header_end = {"<|eot_id|>"}};
}

ChatFormat phi3(Name name, bool skips_empty_system) {
  return {.name = name,
          .user = {"<|user|>", "\n"},
          .user_end = {"<|end|>", "\n"},
          .system = {"<|system|>", "\n"},
          .system_end = {"<|end|>", "\n"},
          .assistant = {"<|assistant|>", "\n"},
          .assistant_end = {"<|end|>"},
          .behind_assistant = {"\n"},
          .end = {"{eos}"},
          .skips_empty_system = skips_empty_system};
}

ChatFormat phi4(Name name) {
  return {.name = name,
          .user = {"<|user|>"},
          .user_end = {"<|end|>"},
          .system = {"<|system|>"},
          .system_end = {"<|end|>"},
          .assistant = {"<|assistant|>"},
          .assistant_end = {"<|end|>"},
          .end = {"{eos}"}};
}

ChatFormat phi4_reasoning() {
  ChatFormat format = phi4(Name::kPhi4MiniReasoning);
  format.system = {" "};
  format.system_end = {};
  format.system_place = System::kGathered;
  format.header = {"<|system|>", "Your name is Phi, an AI math expert developed by Microsoft."};
  format.header_end = {"<|end|>"};
  return format;
}

ChatFormat tulu(Name name, Pieces start) {
  return {.name = name,
          .start = std::move(start),
          .user = {"<|user|>", "\n"},
          .user_end = {"\n"},
          .system = {"<|system|>", "\n"},
          .system_end = {"\n"},
          .assistant = {"<|assistant|>", "\n"},
          .assistant_end = {"{eos}"},
          .behind_assistant = {"\n"},
          .last_answer_is_open = true};
}

ChatFormat granite(Name name, std::string_view default_system) {
  return {.name = name,
          .user = {"<|start_of_role|>", "user", "<|end_of_role|>"},
          .user_end = {"<|end_of_text|>", "\n"},
          .system = {"<|start_of_role|>", "system", "<|end_of_role|>"},
          .system_end = {"<|end_of_text|>", "\n"},
          .assistant = {"<|start_of_role|>", "assistant", "<|end_of_role|>"},
          .assistant_end = {"<|end_of_text|>"},
          .behind_assistant = {"\n"},
          .default_system = default_system};
}

ChatFormat smollm3() {
  ChatFormat format =
      chatml(Name::kSmolLM3, "You are a helpful AI assistant named SmolLM, trained by Hugging Face.",
             Thoughts::kByMode);
  format.system = format.system_end = {};
  format.system_place = System::kHeader;
  format.header = {
      "<|im_start|>",
      "system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nToday Date: 08 July 2025\nReasoning Mode: "};
  format.header_end = {"\n\n"};  // the template closes the turn behind lists of tools only
  format.thinking_system =
      "You are a helpful AI assistant named SmolLM, trained by Hugging Face. Your role as an assistant "
      "involves "
      "thoroughly exploring questions through a systematic thinking process before providing the final "
      "precise "
      "and accurate solutions. This requires engaging in a comprehensive cycle of analysis, summarizing, "
      "exploration, reassessment, reflection, backtracking, and iteration to develop well-considered "
      "thinking "
      "process. Please structure your response into two main sections: Thought and Solution using the "
      "specified "
      "format: <think> Thought section </think> Solution section. In the Thought section, detail your "
      "reasoning "
      "process in steps. Each step should include detailed considerations such as analysing questions, "
      "summarizing relevant findings, brainstorming new ideas, verifying the accuracy of the current steps, "
      "refining any errors, and revisiting previous steps. In the Solution section, based on various "
      "attempts, "
      "explorations, and reflections from the Thought section, systematically present the final solution "
      "that "
      "you deem correct. The Solution section should be logical, accurate, and concise and detail necessary "
      "steps needed to reach the conclusion.";
  return format;
}

ChatFormat gemma(Name name, System place) {
  return {.name = name,
          .start = {"{bos}"},
          .user = {"<start_of_turn>", "user\n"},
          .user_end = {"<end_of_turn>", "\n"},
          .system_end = {"\n\n"},
          .assistant = {"<start_of_turn>", "model\n"},
          .assistant_end = {"<end_of_turn>"},
          .behind_assistant = {"\n"},
          .trims_user = true,
          .trims_assistant = true,
          .alternates = true,
          .system_place = place};
}

std::vector<ChatFormat> make_formats() {
  // Some templates write today's date. A corpus must not change from day to day: here it is the day that
  // Llama 3.2's template has for callers that cannot tell it, and the one Granite 3.3 and SmolLM3 came out on.
  const std::string_view llama31_header =
      "\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  return {
      chatml(Name::kChatML),
      chatml(Name::kQwen15, "You are a helpful assistant"),
      chatml(Name::kQwen2, "You are a helpful assistant."),
      chatml(Name::kQwen25, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
      chatml(Name::kQwen3, {}, Thoughts::kSaid),
      chatml(Name::kQwen3Thinking, {}, Thoughts::kPrompted),
      chatml(Name::kSmolLM2, "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
      {.name = Name::kLlama2,
       .user = {"{bos}", "[INST] "},
       .user_end = {" [/INST]"},
       .system = {"<<SYS>>\n"},
       .system_end = {"\n<</SYS>>\n\n"},
       .assistant = {" "},
       .assistant_end = {" ", "{eos}"},
       .trims_user = true,
       .trims_assistant = true,
       .alternates = true,
       .system_place = System::kFirstUser},
      llama3(Name::kLlama3),
      llama3(Name::kLlama31, llama31_header),
      {.name = Name::kMistral,
       .start = {"{bos}"},
       .user = {"[INST] "},
       .user_end = {" [/INST]"},
       .assistant = {},
       .assistant_end = {"{eos}"},
       .alternates = true,
       .system_place = System::kRefused},
      {.name = Name::kMistral1,
       .start = {"{bos}"},
       .user = {" [INST] "},
       .user_end = {" [/INST]"},
       .system_end = {"\n\n"},
       .assistant = {" "},
       .assistant_end = {"{eos}"},
       .alternates = true,
       .system_place = System::kFirstUser},
      // Its template drops what the system says where the last turn is not the user's.
      {.name = Name::kMistral3,
       .start = {"{bos}"},
       .user = {"[INST]", " "},
       .user_end = {"[/INST]"},
       .assistant = {" "},
       .assistant_end = {"{eos}"},
       .trims_assistant = true,
       .alternates = true,
       .system_place = System::kRefused},
      phi3(Name::kPhi3, false),
      phi3(Name::kPhi35, true),
      {.name = Name::kPhi4,
       .user = {"<|im_start|>", "user", "<|im_sep|>"},
       .user_end = {"<|im_end|>"},
       .system = {"<|im_start|>", "system", "<|im_sep|>"},
       .system_end = {"<|im_end|>"},
       .assistant = {"<|im_start|>", "assistant", "<|im_sep|>"},
       .assistant_end = {"<|im_end|>"}},
      phi4(Name::kPhi4Mini),
      phi4_reasoning(),
      {.name = Name::kZephyr,
       .user = {"<|user|>\n"},
       .user_end = {"{eos}", "\n"},
       .system = {"<|system|>\n"},
       .system_end = {"{eos}", "\n"},
       .assistant = {"<|assistant|>\n"},
       .assistant_end = {"{eos}"},
       .behind_assistant = {"\n"}},
      gemma(Name::kGemma, System::kRefused),
      gemma(Name::kGemma3, System::kFirstUser),
      smollm3(),
      tulu(Name::kOlmo2, {"{bos}"}),
      tulu(Name::kTulu3, {}),
      granite(Name::kGranite30, {}),
      granite(
          Name::kGranite,
          "Knowledge Cutoff Date: April 2024.\nToday's Date: April 16, 2025.\nYou are Granite, developed by "
          "IBM. You are a helpful AI assistant."),
      {.name = Name::kGlm4,
       .user = {"<|user|>", "\n"},
       .user_end = {},
       .system = {"<|system|>", "\n"},
       .assistant = {"<|assistant|>", "\n"},
       .assistant_end = {},
       .system_place = System::kGathered,
       .header = {"[gMASK]", "<sop>"},
       .user_ends_answer = true},
  };
}

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

const ChatFormat& chat_format(ChatFormatName name) {
  static const std::vector<ChatFormat> formats = make_formats();
  const auto found = std::ranges::find(formats, name, &ChatFormat::name);
  ROPEWAY_CHECK(found != formats.end(), "a chat format without a row");
  return *found;
}

std::vector<TextPart> render_turns(const ChatFormat& format, const NamedTexts& named,
                                   const std::vector<ChatTurn>& turns, const std::string& where) {
  return Writer(format, named, turns, where).write();
}

}  // namespace ropeway
