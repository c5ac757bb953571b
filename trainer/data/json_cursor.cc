#include "trainer/data/json_cursor.h"

#include <algorithm>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kEndOfBareValue = " \t\r\n,:[]{}\"";
constexpr size_t kExcerpt = 40;  // characters of the file in a message

}  // namespace

void JsonCursor::skip_space() { at_ = std::min(json_.find_first_not_of(kSpace, at_), json_.size()); }

std::string JsonCursor::excerpt_of(std::string_view value) {
  return shorten(value.substr(0, 4 * kExcerpt), kExcerpt);
}
std::string JsonCursor::excerpt(size_t begin) const { return excerpt_of(json_.substr(begin)); }

void JsonCursor::refuse(const char* what) const {
  const size_t at = std::min(at_, json_.size());
  fail(ErrorKind::kBadData, "{}: byte {}: not valid JSON: {}, near '{}'", where_, at + 1, what,
       excerpt(previous_characters(at)));
}

// Some characters before the place, so that a person finds it.
size_t JsonCursor::previous_characters(size_t at) const {
  for (size_t n = 0; n < kExcerpt / 2 && at > 0; ++n) at = previous_character(json_, at);
  return at;
}

void JsonCursor::refuse_other_value(std::string_view wanted) {
  const bool is_value =
      at_ < json_.size() && std::string_view("\"[-0123456789").find(json_[at_]) != std::string_view::npos;
  const std::string_view rest = json_.substr(std::min(at_, json_.size()));
  if (!is_value && rest != "null" && rest != "true" && rest != "false") refuse("no object begins here");
  fail(ErrorKind::kBadData, "{}: found {}, wanted {}", where_, excerpt(at_), wanted);
}

void JsonCursor::read_whole_object(std::string_view wanted,
                                   const std::function<void(const std::string& key)>& member) {
  skip_space();
  if (!next_is('{')) refuse_other_value(wanted);
  read_object(member);
  skip_space();
  if (at_ != json_.size()) refuse("text behind the object");
}

void JsonCursor::read_object(const std::function<void(const std::string& key)>& member) {
  ++at_;
  skip_space();
  if (next_is('}')) {
    ++at_;
    return;
  }
  for (;;) {
    skip_space();
    if (!next_is('"')) refuse("a key in quotes is missing");
    const std::string key = string(nullptr);
    skip_space();
    if (!next_is(':')) refuse("':' is missing");
    ++at_;
    skip_space();
    member(key);
    skip_space();
    if (next_is('}')) {
      ++at_;
      return;
    }
    if (!next_is(',')) refuse(at_ < json_.size() ? "',' or '}' is missing" : "the object is not closed");
    ++at_;
  }
}

void JsonCursor::read_array(const std::function<void(int64_t index)>& element) {
  ++at_;
  skip_space();
  if (next_is(']')) {
    ++at_;
    return;
  }
  for (int64_t index = 0;; ++index) {
    skip_space();
    element(index);
    skip_space();
    if (next_is(']')) {
      ++at_;
      return;
    }
    if (!next_is(',')) refuse(at_ < json_.size() ? "',' or ']' is missing" : "the array is not closed");
    ++at_;
  }
}

std::string_view JsonCursor::skip_value() {
  const size_t begin = at_;
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
  return json_.substr(begin, at_ - begin);
}

void JsonCursor::skip_string() {
  ++at_;
  for (;;) {
    at_ = json_.find_first_of("\"\\", at_);
    if (at_ == std::string_view::npos) refuse("a string is not closed");
    if (json_[at_] == '"') break;
    at_ += 2;
  }
  ++at_;
}

std::string JsonCursor::string(int64_t* lone_surrogates) {
  std::string text;
  ++at_;
  for (;;) {
    const size_t end = json_.find_first_of("\"\\", at_);
    if (end == std::string_view::npos) {
      at_ = json_.size();
      refuse("a string is not closed");
    }
    const std::string_view plain = json_.substr(at_, end - at_);
    const auto control =
        std::find_if(plain.begin(), plain.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    at_ += static_cast<size_t>(control - plain.begin());
    if (control != plain.end()) refuse("a control character that is not escaped");
    text += plain;
    ++at_;
    if (json_[end] == '"') return text;
    append_escape(text, lone_surrogates);
  }
}

// at_: behind the backslash.
void JsonCursor::append_escape(std::string& text, int64_t* lone_surrogates) {
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

uint32_t JsonCursor::hexadecimal(size_t at) const {
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

}  // namespace ropeway
