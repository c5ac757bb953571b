#include "trainer/data/json_example.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "trainer/data/json_cursor.h"
#include "trainer/data/member_names.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// Members of a turn that change what is rendered or scored, and that nobody here reads.
constexpr std::string_view kTurnRefused[] = {"tool_calls", "function_call", "reasoning_content", "weight",
                                             "train"};
// Such a member beside the turns that says nothing.
constexpr std::string_view kNoTools[] = {"null", "\"\"", "[]", "\"[]\""};

// Who speaks in ShareGPT's conversations and those made like them.
struct Speaker {
  std::string_view from, role;
};
constexpr Speaker kSpeakers[] = {{"human", "user"},        {"user", "user"},       {"gpt", "assistant"},
                                 {"chatgpt", "assistant"}, {"bard", "assistant"},  {"bing", "assistant"},
                                 {"claude", "assistant"},  {"model", "assistant"}, {"assistant", "assistant"},
                                 {"system", "system"}};

template <typename... Args>
[[noreturn]] void refuse(const JsonCursor& cursor, fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorKind::kBadData, "{}: {}", cursor.where(), fmt::format(format, std::forward<Args>(args)...));
}

class ExampleReader {
 public:
  ExampleReader(std::string_view object, RecordKind kind, const std::string& where)
      : kind_(kind), cursor_(object, where) {
    found_.example.kind = kind;
  }

  JsonExample read() {
    MemberNames names;
    cursor_.read_whole_object(fmt::format("an object with {}", keys_in_words()), [&](const std::string& key) {
      names.add(key);
      read_member(key);
    });
    for (const std::string_view key : keys()) {
      if (seen_.contains(std::string(key))) continue;
      refuse(cursor_, "{}: the key is missing; the object has {}, and the file began with {}", key,
             names.words(), words_of(kind_));
    }
    if (kind_ == RecordKind::kIds) check_labels();
    join_turns();
    return std::move(found_);
  }

 private:
  std::vector<std::string_view> keys() const {
    switch (kind_) {
      case RecordKind::kPrompt:
      case RecordKind::kPromptTurns:
        return {"prompt", "completion"};
      case RecordKind::kMessages:
        return {"messages"};
      case RecordKind::kConversations:
        return {"conversations"};
      case RecordKind::kIds:
        return {"input_ids", "labels"};
      case RecordKind::kText:
        break;
    }
    ROPEWAY_CHECK(false, "texts are no examples");
    return {};
  }
  std::string keys_in_words() const { return fmt::format("\"{}\"", fmt::join(keys(), "\" and \"")); }

  void read_member(const std::string& key) {
    const bool is_mask = kind_ == RecordKind::kIds && key == "attention_mask";
    const bool is_beside_turns = has_turns(kind_) && (key == "system" || key == "tools");
    const std::vector<std::string_view> wanted = keys();
    if (!is_mask && !is_beside_turns && std::ranges::find(wanted, key) == wanted.end()) {
      cursor_.skip_value();
      return;
    }
    if (!seen_.insert(key).second) refuse(cursor_, "{}: the key occurs twice", key);
    Example& example = found_.example;
    if (is_mask) {
      for (const int32_t value : integers(key)) {
        if (value != 1) refuse(cursor_, "{}: found {}: padding; give examples without it", key, value);
      }
    } else if (kind_ == RecordKind::kIds) {
      (key == "labels" ? example.labels : example.ids) = integers(key);
    } else if (kind_ == RecordKind::kPrompt) {
      (key == "prompt" ? example.prompt : example.completion) = text(key);
    } else if (key == "tools") {
      refuse_tools();
    } else if (key == "system") {
      system_ = cursor_.next_is('"') ? text(key) : nothing(key);
    } else {
      read_turns(key, key == "prompt" ? prompt_ : example.turns);
    }
  }

  void refuse_tools() {
    const std::string_view value = cursor_.skip_value();
    if (std::ranges::find(kNoTools, value) != std::end(kNoTools)) return;
    refuse(cursor_, "tools: is not supported; give token ids and labels for such examples");
  }

  std::string nothing(const std::string& path) {
    const std::string_view value = cursor_.skip_value();
    if (value == "null") return "";
    refuse(cursor_, "{}: found {}, wanted a string", path, JsonCursor::excerpt_of(value));
  }

  // In their order: what the system says beside the turns, those of a prompt, the others.
  void join_turns() {
    std::vector<ChatTurn>& turns = found_.example.turns;
    for (size_t i = 0; kind_ == RecordKind::kPromptTurns && i < turns.size(); ++i) {
      if (turns[i].role == "assistant") continue;
      refuse(cursor_,
             "completion[{}]: found the role '{}', wanted assistant: what others say is read and not "
             "scored, and belongs into the prompt",
             i, shorten(turns[i].role, 40));
    }
    for (ChatTurn& turn : prompt_) turn.is_prompt = true;
    turns.insert(turns.begin(), prompt_.begin(), prompt_.end());
    if (system_.empty()) return;
    if (!turns.empty() && turns.front().role == "system") {
      refuse(cursor_, "system: stands beside a first turn of the system");
    }
    turns.insert(turns.begin(), {.role = "system", .content = system_});
  }

  std::string text(const std::string& path) {
    if (cursor_.next_is('"')) return cursor_.string(&found_.lone_surrogates);
    refuse(cursor_, "{}: found {}, wanted a string", path, JsonCursor::excerpt_of(cursor_.skip_value()));
  }

  std::vector<int32_t> integers(const std::string& key) {
    if (!cursor_.next_is('[')) {
      refuse(cursor_, "{}: found {}, wanted a list of integers", key,
             JsonCursor::excerpt_of(cursor_.skip_value()));
    }
    std::vector<int32_t> values;
    cursor_.read_array([&](int64_t index) {
      const std::string_view value = cursor_.skip_value();
      int32_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc() || end != value.data() + value.size()) {
        refuse(cursor_, "{}[{}]: found {}, wanted an integer of 32 bits", key, index,
               JsonCursor::excerpt_of(value));
      }
      values.push_back(number);
    });
    return values;
  }

  void read_turns(const std::string& key, std::vector<ChatTurn>& turns) {
    if (!cursor_.next_is('[')) {
      refuse(cursor_, "{}: found {}, wanted a list of objects with \"role\" and \"content\"", key,
             JsonCursor::excerpt_of(cursor_.skip_value()));
    }
    cursor_.read_array([&](int64_t index) { turns.push_back(turn(fmt::format("{}[{}]", key, index))); });
  }

  ChatTurn turn(const std::string& path) {
    if (!cursor_.next_is('{')) {
      refuse(cursor_, "{}: found {}, wanted an object with \"role\" and \"content\"", path,
             JsonCursor::excerpt_of(cursor_.skip_value()));
    }
    std::map<std::string, std::string> said;  // the members that are read
    MemberNames names;
    cursor_.read_object([&](const std::string& key) {
      names.add(key);
      const std::string member = fmt::format("{}.{}", path, key);
      if (std::ranges::find(kTurnRefused, key) != std::end(kTurnRefused)) {
        if (cursor_.skip_value() != "null") {
          refuse(cursor_, "{}: is not supported; give token ids and labels for such examples", member);
        }
      } else if (key == "role" || key == "content" || key == "from" || key == "value") {
        if (said.contains(key)) refuse(cursor_, "{}: the key occurs twice", member);
        said[key] = text(member);
      } else {
        cursor_.skip_value();
      }
    });
    const bool is_sharegpt = !said.contains("role") && !said.contains("content") &&
                             (said.contains("from") || said.contains("value"));
    for (const char* key : is_sharegpt ? kShareGpt : kRoleAndContent) {
      if (said.contains(key)) continue;
      refuse(cursor_, "{}.{}: the key is missing; the object has {}", path, key, names.words());
    }
    if (!is_sharegpt) return {.role = said["role"], .content = said["content"]};
    return {.role = role_of(said["from"], path), .content = said["value"]};
  }

  std::string role_of(const std::string& from, const std::string& path) const {
    const auto* const found = std::ranges::find(kSpeakers, from, &Speaker::from);
    if (found != std::end(kSpeakers)) return std::string(found->role);
    refuse(cursor_, "{}.from: found '{}', wanted human or user, gpt or assistant, or system", path,
           shorten(from, 40));
  }

  void check_labels() const {
    const std::vector<int32_t>&ids = found_.example.ids, &labels = found_.example.labels;
    if (ids.size() != labels.size()) {
      refuse(cursor_, "labels: {} of them, wanted {}: one for each of input_ids", labels.size(), ids.size());
    }
    const auto differs = [&](size_t i) { return labels[i] != kUnscored && labels[i] != ids[i]; };
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!differs(i)) continue;
      bool is_shifted = true;
      for (size_t j = 0; j < ids.size() && is_shifted; ++j) {
        is_shifted = labels[j] == kUnscored || (j + 1 < ids.size() && labels[j] == ids[j + 1]);
      }
      refuse(cursor_, "labels[{}]: found {}, wanted {} as in input_ids, or {}{}", i, labels[i], ids[i],
             kUnscored,
             is_shifted ? "; each label is the next token's id: give labels that are not shifted, as "
                          "transformers takes them"
                        : "");
    }
  }

  static constexpr std::array kRoleAndContent = {"role", "content"}, kShareGpt = {"from", "value"};

  const RecordKind kind_;
  JsonCursor cursor_;
  JsonExample found_;
  std::vector<ChatTurn> prompt_;
  std::string system_;
  std::set<std::string> seen_;
};

struct Keys {
  std::optional<RecordKind> kind;
  bool is_whole = false;   // an object to its end
  bool is_alpaca = false;  // it has "instruction" and "output"
};

Keys keys_of(std::string_view object) {
  constexpr std::string_view kKeys[] = {"text",          "input_ids", "messages",
                                        "conversations", "prompt",    "completion"};
  constexpr RecordKind kKinds[] = {RecordKind::kText,          RecordKind::kIds,    RecordKind::kMessages,
                                   RecordKind::kConversations, RecordKind::kPrompt, RecordKind::kPrompt};
  size_t best = std::size(kKeys);
  Keys found;
  bool has_instruction = false, has_output = false, in_turns = false;
  const std::string nowhere;
  JsonCursor cursor(object, nowhere);
  try {
    cursor.read_whole_object("an object", [&](const std::string& key) {
      best = std::min(best, static_cast<size_t>(std::ranges::find(kKeys, key) - std::begin(kKeys)));
      has_instruction |= key == "instruction";
      has_output |= key == "output";
      in_turns |= (key == "prompt" || key == "completion") && cursor.next_is('[');
      cursor.skip_value();
    });
    found.is_whole = true;
  } catch (const Error&) {
    // Cut off, or no JSON.
  }
  found.is_alpaca = has_instruction && has_output;
  if (best < std::size(kKeys)) found.kind = kKinds[best];
  if (found.kind == RecordKind::kPrompt && in_turns) found.kind = RecordKind::kPromptTurns;
  return found;
}

}  // namespace

std::optional<RecordKind> record_kind(std::string_view object) { return keys_of(object).kind; }

bool is_json_record(std::string_view object) {
  const Keys keys = keys_of(object);
  if (!keys.is_whole || !(keys.kind || keys.is_alpaca)) return false;
  if (keys.kind != RecordKind::kText) return true;
  const std::string nowhere;
  JsonCursor cursor(object, nowhere);
  bool is_text = false;
  try {
    cursor.read_whole_object("", [&](const std::string& key) {
      const bool is_string = key == "text" && cursor.next_is('"');
      if (is_string) cursor.string(nullptr);
      const bool is_null = !is_string && cursor.skip_value() == "null";
      if (key == "text") is_text = is_string || is_null;
    });
  } catch (const Error&) {
    return false;
  }
  return is_text;
}

std::string_view words_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kText:
      return "texts";
    case RecordKind::kPrompt:
      return "prompts and completions";
    case RecordKind::kPromptTurns:
      return "prompts and completions in turns";
    case RecordKind::kMessages:
      return "messages";
    case RecordKind::kConversations:
      return "conversations";
    case RecordKind::kIds:
      return "token ids and labels";
  }
  return "";
}

JsonExample example_of_json(std::string_view object, RecordKind kind, const std::string& where) {
  return ExampleReader(object, kind, where).read();
}

}  // namespace ropeway
