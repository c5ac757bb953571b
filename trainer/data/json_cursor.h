// A walk over one JSON value of a corpus: members that are read are read as strictly as JSON is; those that
// are passed over may hold whatever JSON-like writers put there (NaN, Infinity, repeated keys, any depth). A
// parser of our own, as those at hand refuse NaN in members that nobody reads, or lone surrogates.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ropeway {

class JsonCursor {
 public:
  // json: well-formed UTF-8. where: names it in errors, which are kBadData "WHERE: byte N: not valid JSON:
  // ...". Keeps both.
  JsonCursor(std::string_view json, const std::string& where) : json_(json), where_(where) {}

  // The whole of the JSON: an object, each of whose values `member` reads or skips. wanted: what else than an
  // object is refused with ("an object with a \"text\"").
  void read_whole_object(std::string_view wanted, const std::function<void(const std::string& key)>& member);
  // The object or the array that begins here.
  void read_object(const std::function<void(const std::string& key)>& member);
  void read_array(const std::function<void(int64_t index)>& element);

  bool next_is(char c) const { return at_ < json_.size() && json_[at_] == c; }
  // The string that begins at the quote. lone_surrogates: where those are counted, may be null.
  std::string string(int64_t* lone_surrogates);
  // Passes over a value: brackets and quotes must fit, and no more is asked. Returns what it passed over.
  std::string_view skip_value();

  const std::string& where() const { return where_; }
  // Some characters of a value, for a message.
  static std::string excerpt_of(std::string_view value);

 private:
  void skip_space();
  std::string excerpt(size_t begin) const;
  [[noreturn]] void refuse(const char* what) const;
  size_t previous_characters(size_t at) const;
  [[noreturn]] void refuse_other_value(std::string_view wanted);
  void skip_string();
  void append_escape(std::string& text, int64_t* lone_surrogates);
  uint32_t hexadecimal(size_t at) const;

  std::string_view json_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace ropeway
