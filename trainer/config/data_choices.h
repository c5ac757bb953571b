// What a recipe says about how text becomes sequences.
#pragma once

#include <string>

#include "trainer/config/choices.h"

namespace ropeway {

// kConcat: documents joined in random order and cut at the window; every token is used once per pass.
// kDocuments: each window is a stretch of one document; documents shorter than it are left out.
enum class Packing { kConcat, kDocuments };
template <>
struct ChoiceTable<Packing> {
  using enum Packing;
  static constexpr Choice<Packing> choices[] = {{kConcat, "concat"}, {kDocuments, "documents"}};
};

// What attention sees in a window of several documents: all before it (LongRoPE's way), or its own document
// alone, with positions that start anew.
enum class DocumentMask { kNone, kDocuments };
template <>
struct ChoiceTable<DocumentMask> {
  using enum DocumentMask;
  static constexpr Choice<DocumentMask> choices[] = {{kNone, "none"}, {kDocuments, "documents"}};
};

// Whether a text gets a BOS or an EOS. kAuto: as the tokenizer's own files say.
enum class MarkChoice { kAuto, kTrue, kFalse };
template <>
struct ChoiceTable<MarkChoice> {
  using enum MarkChoice;
  static constexpr Choice<MarkChoice> choices[] = {{kAuto, "auto"}, {kTrue, "true"}, {kFalse, "false"}};
};

// How conversations become text. kAuto: as the model's own chat template writes them.
enum class ChatFormatName {
  kAuto,
  kChatML,
  kQwen15,
  kQwen2,
  kQwen25,
  kQwen3,
  kQwen3Thinking,
  kSmolLM2,
  kSmolLM3,
  kLlama2,
  kLlama3,
  kLlama31,
  kMistral,
  kMistral1,
  kMistral3,
  kPhi3,
  kPhi35,
  kPhi4,
  kPhi4Mini,
  kPhi4MiniReasoning,
  kZephyr,
  kGemma,
  kGemma3,
  kOlmo2,
  kTulu3,
  kGranite30,
  kGranite,
  kGlm4
};
// Llama 3.2 and 3.3 write what 3.1 writes.
template <>
struct ChoiceTable<ChatFormatName> {
  using enum ChatFormatName;
  static constexpr Choice<ChatFormatName> choices[] = {{kAuto, "auto"},
                                                       {kChatML, "chatml"},
                                                       {kQwen15, "qwen1.5"},
                                                       {kQwen2, "qwen2"},
                                                       {kQwen25, "qwen2.5"},
                                                       {kQwen3, "qwen3"},
                                                       {kQwen3Thinking, "qwen3-thinking"},
                                                       {kSmolLM2, "smollm2"},
                                                       {kSmolLM3, "smollm3"},
                                                       {kLlama2, "llama2"},
                                                       {kLlama3, "llama3"},
                                                       {kLlama31, "llama3.1"},
                                                       {kLlama31, "llama3.2"},
                                                       {kLlama31, "llama3.3"},
                                                       {kMistral, "mistral"},
                                                       {kMistral1, "mistral1"},
                                                       {kMistral3, "mistral3"},
                                                       {kPhi3, "phi3"},
                                                       {kPhi35, "phi3.5"},
                                                       {kPhi4, "phi4"},
                                                       {kPhi4Mini, "phi4-mini"},
                                                       {kPhi4MiniReasoning, "phi4-mini-reasoning"},
                                                       {kZephyr, "zephyr"},
                                                       {kGemma, "gemma"},
                                                       {kGemma3, "gemma3"},
                                                       {kOlmo2, "olmo2"},
                                                       {kTulu3, "tulu3"},
                                                       {kGranite30, "granite3.0"},
                                                       {kGranite, "granite3"},
                                                       {kGlm4, "glm4"}};
};

// Files of training text, and how many times a pass uses each of their tokens.
struct TextSource {
  std::string path;  // * in the file name
  double weight = 1;

  bool operator==(const TextSource&) const = default;
};

}  // namespace ropeway
