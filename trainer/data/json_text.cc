#include "trainer/data/json_text.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/data/json_cursor.h"
#include "trainer/data/member_names.h"

namespace ropeway {
namespace {

// Reads FILE, lines or an array, and prints JSON lines.
constexpr std::string_view kFromAlpaca =
    "python3 -c 'import json,sys; t = sys.stdin.read().strip(); [print(json.dumps({\"messages\": [{\"role\": "
    "\"user\", \"content\": \"\\n\\n\".join(filter(None, [o[\"instruction\"], o.get(\"input\")]))}, "
    "{\"role\": \"assistant\", \"content\": o[\"output\"]}]})) for o in (json.loads(t) if t[0] == \"[\" else "
    "map(json.loads, filter(None, t.split(\"\\n\"))))]' < FILE > FILE.messages.jsonl";

// What else an object holds than a text: the members of which one or two make an example. null is nothing.
class ExampleMembers {
 public:
  void add(const std::string& key) {
    for (const Pair& pair : kPairs) {
      if (key == pair.first || key == pair.second) found_.insert(key);
    }
  }
  // "messages", "prompt and completion"; "" where none is whole.
  std::string words() const {
    for (const auto& [first, second] : kPairs) {
      if (!found_.contains(first)) continue;
      if (second.empty()) return first;
      if (found_.contains(second)) return fmt::format("{} and {}", first, second);
    }
    return "";
  }
  bool is_alpaca() const { return found_.contains("instruction") && found_.contains("output"); }

 private:
  using Pair = std::pair<std::string, std::string>;
  static inline const std::vector<Pair> kPairs = {{"messages", ""},
                                                  {"conversations", ""},
                                                  {"prompt", "completion"},
                                                  {"input_ids", "labels"},
                                                  {"instruction", "output"}};
  std::set<std::string> found_;
};

JsonText text_member(JsonCursor& cursor) {
  JsonText found;
  if (cursor.next_is('"')) {
    found.text = cursor.string(&found.lone_surrogates);
    return found;
  }
  const std::string_view value = cursor.skip_value();
  found.is_null = value == "null";
  if (!found.is_null) {
    fail(ErrorKind::kBadData, "{}: text: found {}, wanted a string", cursor.where(),
         JsonCursor::excerpt_of(value));
  }
  return found;
}

}  // namespace

JsonText text_of_json(std::string_view object, const std::string& where) {
  JsonCursor cursor(object, where);
  std::optional<JsonText> found;
  MemberNames names;
  ExampleMembers beside;
  cursor.read_whole_object("an object with a \"text\"", [&](const std::string& key) {
    names.add(key);
    if (key != "text") {
      if (cursor.skip_value() != "null") beside.add(key);
      return;
    }
    if (found) fail(ErrorKind::kBadData, "{}: text: the key occurs twice", where);
    found = text_member(cursor);
  });
  if (!found && beside.is_alpaca()) {
    fail(ErrorKind::kBadData,
         "{}: instruction and output (Alpaca's) do not say how they become a prompt; turns do: {}", where,
         kFromAlpaca);
  }
  if (!found)
    fail(ErrorKind::kBadData, "{}: text: the key is missing; the object has {}", where, names.words());
  if (const std::string example = beside.words(); !example.empty()) {
    fail(ErrorKind::kBadData,
         "{}: text: stands beside {}: a document, or an example that is scored in part; leave one of the two "
         "out, "
         "and keep documents and examples in files of their own",
         where, example);
  }
  return std::move(*found);
}

}  // namespace ropeway
