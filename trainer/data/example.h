// An example of instruction data: a text of which a part is scored, the rest only read. Unlike a document it
// is used whole or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

// What the objects of a file hold; all objects of a file hold the same.
enum class RecordKind {
  kText,           // "text": a document
  kPrompt,         // "prompt" and "completion", which is scored
  kMessages,       // "messages": turns {"role", "content"}; those of the assistant are scored
  kConversations,  // the same under "conversations"
  kPromptTurns,    // "prompt" and "completion", each a list of turns; those of the completion are scored
  kIds,            // "input_ids" and "labels": an id where its token is scored, elsewhere kUnscored
};

inline bool has_turns(RecordKind kind) {
  return kind == RecordKind::kMessages || kind == RecordKind::kConversations ||
         kind == RecordKind::kPromptTurns;
}

inline constexpr int32_t kUnscored = -100;  // as PyTorch's cross entropy and transformers have it

struct ChatTurn {
  std::string role, content;
  bool is_prompt = false;  // read only, whoever says it
};

// Of its kind's members, the others are empty.
struct Example {
  RecordKind kind = RecordKind::kPrompt;
  std::string prompt, completion;
  std::vector<ChatTurn> turns;
  std::vector<int32_t> ids, labels;
};

// Tokens [begin, end) of an example.
struct ScoredRun {
  int64_t begin = 0, end = 0;

  bool operator==(const ScoredRun&) const = default;
};

}  // namespace ropeway
