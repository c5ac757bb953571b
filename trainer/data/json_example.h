// Examples from JSON objects. Of the object's members those of its kind are read strictly, the others passed
// over (json_cursor.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trainer/data/example.h"

namespace ropeway {

// What an object holds by its keys, the first that is there of: "text"; "input_ids"; "messages";
// "conversations"; "prompt" or "completion", strings or lists of turns. nullopt: none of these, or no object.
// An object that is cut off is judged by the keys that are there.
std::optional<RecordKind> record_kind(std::string_view object);
// Whether this is a whole object that holds one of these, or an Alpaca example (which is refused when it is
// read, json_text.h): what tells JSON lines by their content. A "text" is a string or null.
bool is_json_record(std::string_view object);
// "prompts and completions", "messages", ...
std::string_view words_of(RecordKind kind);

struct JsonExample {
  Example example;
  int64_t lone_surrogates = 0;  // \ud83d without its other half: U+FFFD, one for each
};

// kind: not kText. A turn is {"role", "content"}, or ShareGPT's {"from", "value"}, whose speakers become
// roles; a "system" beside the list of turns is a turn in front of them. Throws kBadData "WHERE: messages[2].role:
// ..." for a member that is missing, there twice or of another type; for labels that are neither the id at
// their place nor kUnscored; for padding (an attention_mask with anything but 1); for turns with more than a
// text, such as calls of tools; for a speaker that no role is known for; for a completion in turns that are
// not all the assistant's.
JsonExample example_of_json(std::string_view object, RecordKind kind, const std::string& where);

}  // namespace ropeway
