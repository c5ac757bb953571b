#include "trainer/data/json_text.h"

#include <optional>

#include "kernels/base/error.h"
#include "trainer/data/json_cursor.h"
#include "trainer/data/member_names.h"

namespace ropeway {
namespace {

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
  cursor.read_whole_object("an object with a \"text\"", [&](const std::string& key) {
    names.add(key);
    if (key != "text") {
      cursor.skip_value();
      return;
    }
    if (found) fail(ErrorKind::kBadData, "{}: text: the key occurs twice", where);
    found = text_member(cursor);
  });
  if (!found)
    fail(ErrorKind::kBadData, "{}: text: the key is missing; the object has {}", where, names.words());
  return std::move(*found);
}

}  // namespace ropeway
