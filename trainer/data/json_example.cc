#include "trainer/data/json_example.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "kernels/base/error.h"
#include "trainer/data/json_cursor.h"
#include "trainer/data/json_text.h"
#include "trainer/data/member_names.h"

namespace ropeway {
namespace {

// Members of a turn that change what is rendered or scored, and that nobody here reads.
constexpr std::string_view kTurnRefused[] = {"tool_calls", "function_call", "reasoning_content", "weight",
                                             "train"};

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
    return std::move(found_);
  }

 private:
  std::vector<std::string_view> keys() const {
    switch (kind_) {
      case RecordKind::kPrompt:
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
    const std::vector<std::string_view> wanted = keys();
    if (!is_mask && std::ranges::find(wanted, key) == wanted.end()) {
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
    } else {
      read_turns(key);
    }
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

  void read_turns(const std::string& key) {
    if (!cursor_.next_is('[')) {
      refuse(cursor_, "{}: found {}, wanted a list of objects with \"role\" and \"content\"", key,
             JsonCursor::excerpt_of(cursor_.skip_value()));
    }
    cursor_.read_array([&](int64_t index) { read_turn(fmt::format("{}[{}]", key, index)); });
  }

  void read_turn(const std::string& path) {
    if (!cursor_.next_is('{')) {
      refuse(cursor_, "{}: found {}, wanted an object with \"role\" and \"content\"", path,
             JsonCursor::excerpt_of(cursor_.skip_value()));
    }
    ChatTurn turn;
    std::set<std::string> seen;
    MemberNames names;
    cursor_.read_object([&](const std::string& key) {
      names.add(key);
      const std::string member = fmt::format("{}.{}", path, key);
      if (std::ranges::find(kTurnRefused, key) != std::end(kTurnRefused)) {
        if (cursor_.skip_value() != "null") {
          refuse(cursor_, "{}: is not supported; give token ids and labels for such examples", member);
        }
      } else if (key == "role" || key == "content") {
        if (!seen.insert(key).second) refuse(cursor_, "{}: the key occurs twice", member);
        (key == "role" ? turn.role : turn.content) = text(member);
      } else {
        cursor_.skip_value();
      }
    });
    for (const char* key : {"role", "content"}) {
      if (!seen.contains(key)) {
        refuse(cursor_, "{}.{}: the key is missing; the object has {}", path, key, names.words());
      }
    }
    found_.example.turns.push_back(std::move(turn));
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

  const RecordKind kind_;
  JsonCursor cursor_;
  JsonExample found_;
  std::set<std::string> seen_;
};

std::optional<RecordKind> kind_by_keys(std::string_view object, bool& is_whole) {
  constexpr std::string_view kKeys[] = {"text",          "input_ids", "messages",
                                        "conversations", "prompt",    "completion"};
  constexpr RecordKind kKinds[] = {RecordKind::kText,          RecordKind::kIds,    RecordKind::kMessages,
                                   RecordKind::kConversations, RecordKind::kPrompt, RecordKind::kPrompt};
  size_t best = std::size(kKeys);
  const std::string nowhere;
  JsonCursor cursor(object, nowhere);
  try {
    cursor.read_whole_object("an object", [&](const std::string& key) {
      best = std::min(best, static_cast<size_t>(std::ranges::find(kKeys, key) - std::begin(kKeys)));
      cursor.skip_value();
    });
    is_whole = true;
  } catch (const Error&) {
    // Cut off, or no JSON.
  }
  if (best == std::size(kKeys)) return std::nullopt;
  return kKinds[best];
}

}  // namespace

std::optional<RecordKind> record_kind(std::string_view object) {
  bool is_whole = false;
  return kind_by_keys(object, is_whole);
}

bool is_json_record(std::string_view object) {
  bool is_whole = false;
  const std::optional<RecordKind> kind = kind_by_keys(object, is_whole);
  if (!kind || !is_whole) return false;
  try {
    if (kind == RecordKind::kText) text_of_json(object, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string_view words_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kText:
      return "texts";
    case RecordKind::kPrompt:
      return "prompts and completions";
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
