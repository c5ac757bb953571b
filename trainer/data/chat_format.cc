#include "trainer/data/chat_format.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/data/chat_format_row.h"

namespace ropeway {
namespace {

using Name = ChatFormatName;
using System = ChatFormat::System;
using Thoughts = ChatFormat::Thoughts;

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

}  // namespace

const ChatFormat& chat_format(ChatFormatName name) {
  static const std::vector<ChatFormat> formats = make_formats();
  const auto found = std::ranges::find(formats, name, &ChatFormat::name);
  ROPEWAY_CHECK(found != formats.end(), "a chat format without a row");
  return *found;
}

}  // namespace ropeway
