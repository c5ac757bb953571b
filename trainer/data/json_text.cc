#include "trainer/data/json_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kEndOfBareValue = " \t\r\n,:[]{}\"";
constexpr size_t kExcerpt = 40;  // characters of the file in a message

class ObjectReader {
 public:
  ObjectReader(std::string_view json, const std::string& where) : json_(json), where_(where) {}

  JsonText read() {
    skip_space();
    if (!next_is('{')) refuse_other_value();
    ++at_;
    read_members();
    skip_space();
    if (at_ != json_.size()) refuse("text behind the object");
    if (!found_) refuse_missing();
    return std::move(*found_);
  }

 private:
  bool next_is(char c) const { return at_ < json_.size() && json_[at_] == c; }
  void skip_space() { at_ = std::min(json_.find_first_not_of(kSpace, at_), json_.size()); }
  std::string excerpt(size_t begin) const { return shorten(json_.substr(begin, 4 * kExcerpt), kExcerpt); }

  [[noreturn]] void refuse(const char* what) const {
    const size_t at = std::min(at_, json_.size());
    fail(ErrorKind::kBadData, "{}: byte {}: not valid JSON: {}, near '{}'", where_, at + 1, what,
         excerpt(previous_characters(at)));
  }
  // Some characters before the place, so that a person finds it.
  size_t previous_characters(size_t at) const {
    for (size_t n = 0; n < kExcerpt / 2 && at > 0; ++n) at = previous_character(json_, at);
    return at;
  }
  [[noreturn]] void refuse_other_value() {
    const bool is_value =
        at_ < json_.size() && std::string_view("\"[-0123456789").find(json_[at_]) != std::string_view::npos;
    const std::string_view rest = json_.substr(std::min(at_, json_.size()));
    if (!is_value && rest != "null" && rest != "true" && rest != "false") refuse("no object begins here");
    fail(ErrorKind::kBadData, "{}: found {}, wanted an object with a \"text\"", where_, excerpt(at_));
  }
  [[noreturn]] void refuse_missing() const {
    fail(ErrorKind::kBadData, "{}: text: the key is missing; the object has {}", where_,
         keys_.empty() ? "no keys" : shorten(keys_, 2 * kExcerpt));
  }

  void read_members() {
    skip_space();
    if (next_is('}')) {
      ++at_;
      return;
    }
    for (;;) {
      skip_space();
      if (!next_is('"')) refuse("a key in quotes is missing");
      const std::string key = string(nullptr);
      if (keys_.size() < 4 * kExcerpt) keys_ += (keys_.empty() ? "" : ", ") + shorten(key, kExcerpt);
      skip_space();
      if (!next_is(':')) refuse("':' is missing");
      ++at_;
      skip_space();
      if (key == "text") {
        read_text();
      } else {
        skip_value();
      }
      skip_space();
      if (next_is('}')) {
        ++at_;
        return;
      }
      if (!next_is(',')) refuse(at_ < json_.size() ? "',' or '}' is missing" : "the object is not closed");
      ++at_;
    }
  }

  void read_text() {
    if (found_) fail(ErrorKind::kBadData, "{}: text: the key occurs twice", where_);
    found_.emplace();
    if (next_is('"')) {
      found_->text = string(&found_->lone_surrogates);
      return;
    }
    const size_t begin = at_;
    skip_value();
    found_->is_null = json_.substr(begin, at_ - begin) == "null";
    if (!found_->is_null) {
      fail(ErrorKind::kBadData, "{}: text: found {}, wanted a string", where_,
           shorten(json_.substr(begin, at_ - begin), kExcerpt));
    }
  }

  // A value that nobody reads: brackets and quotes must fit, and no more is asked.
  void skip_value() {
    std::vector<char> closing;
    do {
      skip_space();
      if (at_ >= json_.size()) refuse("a value is missing");
      const char c = json_[at_];
      if (c == '{' || c == '[') {
        closing.push_back(c == '{' ? '}' : ']');
        ++at_;
      } else if (!closing.empty() && (c == '}' || c == ']')) {
        if (c != closing.back()) refuse("another bracket was opened");
        closing.pop_back();
        ++at_;
      } else if (!closing.empty() && (c == ',' || c == ':')) {
        ++at_;
      } else if (c == '"') {
        skip_string();
      } else {
        const size_t end = std::min(json_.find_first_of(kEndOfBareValue, at_), json_.size());
        if (end == at_) refuse("a value is missing");
        at_ = end;
      }
    } while (!closing.empty());
  }

  void skip_string() {
    ++at_;
    for (;;) {
      at_ = json_.find_first_of("\"\\", at_);
      if (at_ == std::string_view::npos) refuse("a string is not closed");
      if (json_[at_] == '"') break;
      at_ += 2;
    }
    ++at_;
  }

  // The string that begins at the quote. lone_surrogates: where those are counted, may be null.
  std::string string(int64_t* lone_surrogates) {
    std::string text;
    ++at_;
    for (;;) {
      const size_t end = json_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) {
        at_ = json_.size();
        refuse("a string is not closed");
      }
      const std::string_view plain = json_.substr(at_, end - at_);
      const auto control = std::find_if(plain.begin(), plain.end(),
                                        [](char c) { return static_cast<unsigned char>(c) < 0x20; });
      at_ += static_cast<size_t>(control - plain.begin());
      if (control != plain.end()) refuse("a control character that is not escaped");
      text += plain;
      ++at_;
      if (json_[end] == '"') return text;
      append_escape(text, lone_surrogates);
    }
  }

  // at_: behind the backslash.
  void append_escape(std::string& text, int64_t* lone_surrogates) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (at_ >= json_.size()) refuse("a string is not closed");
    const char c = json_[at_++];
    if (const size_t known = kEscapes.find(c); known != std::string_view::npos) {
      text += kMeant[known];
      return;
    }
    if (c != 'u') refuse("an unknown escape");
    uint32_t code = hexadecimal(at_);
    at_ += 4;
    const bool is_high = code >= 0xD800 && code < 0xDC00;
    if (is_high && json_.substr(std::min(at_, json_.size()), 2) == "\\u") {
      const uint32_t low = hexadecimal(at_ + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        at_ += 6;
      }
    }
    if (code >= 0xD800 && code < 0xE000) {
      code = 0xFFFD;
      if (lone_surrogates != nullptr) ++*lone_surrogates;
    }
    append_utf8(text, code);
  }

  uint32_t hexadecimal(size_t at) const {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) {
      const char c = i < json_.size() ? json_[i] : '\0';
      uint32_t digit = 16;
      if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a') + 10;
      if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A') + 10;
      if (digit == 16) refuse("\\u wants four hexadecimal digits");
      value = value << 4 | digit;
    }
    return value;
  }

  std::string_view json_;
  const std::string& where_;
  size_t at_ = 0;
  std::optional<JsonText> found_;
  std::string keys_;
};

}  // namespace

JsonText text_of_json(std::string_view object, const std::string& where) {
  return ObjectReader(object, where).read();
}

bool is_json_with_text(std::string_view object) {
  const size_t first = object.find_first_not_of(kSpace);
  if (first == std::string_view::npos || object[first] != '{') return false;
  try {
    text_of_json(object, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace ropeway
