#include "trainer/data/json_objects.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

void JsonLines::take(std::string& buffer, bool last, const TakeObject& object) {
  size_t begin = 0;
  for (;;) {
    const size_t line_feed = buffer.find('\n', std::max(begin, searched_));
    if (line_feed == std::string::npos) break;
    take_line(std::string_view(buffer).substr(begin, line_feed - begin), object);
    begin = line_feed + 1;
  }
  if (last && begin < buffer.size()) {
    take_line(std::string_view(buffer).substr(begin), object);
    begin = buffer.size();
  }
  buffer.erase(0, begin);
  searched_ = buffer.size();
}

void JsonLines::take_line(std::string_view line, const TakeObject& object) {
  ++line_;
  if (line.find_first_not_of(kSpace) != std::string_view::npos) object(line, line_);
}

void JsonArray::take(std::string& buffer, bool last, const TakeObject& object) {
  size_t begin = 0, at = scanned_;  // begin: of the element that is open
  while (at < buffer.size()) {
    if (depth_ == 0) {
      at = step_outside(buffer, at, begin);
      continue;
    }
    at = find_end(buffer, at);
    if (depth_ > 0) break;
    object(std::string_view(buffer).substr(begin, at - begin), ++elements_);
    begin = at;
    wanted_ = Wanted::kCommaOrEnd;
  }
  if (depth_ == 0) begin = at;
  buffer.erase(0, begin);
  scanned_ = at - begin;
  if (last && (depth_ > 0 || wanted_ != Wanted::kNothing)) {
    fail(ErrorKind::kBadData, "{}: element {}: the file ends before its array is closed: cut short", name_,
         number());
  }
}

// One character between elements; sets `begin` where one is opened.
size_t JsonArray::step_outside(std::string_view buffer, size_t at, size_t& begin) {
  const char c = buffer[at];
  if (kSpace.find(c) != std::string_view::npos) return at + 1;
  if (wanted_ == Wanted::kArray && c == '[') {
    wanted_ = Wanted::kFirstElement;
  } else if ((wanted_ == Wanted::kFirstElement || wanted_ == Wanted::kElement) && c == '{') {
    begin = at;
    depth_ = 1;
  } else if (wanted_ == Wanted::kCommaOrEnd && c == ',') {
    wanted_ = Wanted::kElement;
  } else if ((wanted_ == Wanted::kFirstElement || wanted_ == Wanted::kCommaOrEnd) && c == ']') {
    wanted_ = Wanted::kNothing;
  } else {
    constexpr const char* kWords[] = {"'['", "an object or ']'", "an object", "',' or ']'", "nothing more"};
    refuse(buffer.substr(at), kWords[static_cast<size_t>(wanted_)]);
  }
  return at + 1;
}

void JsonArray::refuse(std::string_view found, const char* wanted) const {
  constexpr size_t kExcerpt = 40;
  fail(ErrorKind::kBadData, "{}: element {}: found '{}', wanted {}", name_, number(),
       shorten(found.substr(0, 4 * kExcerpt), kExcerpt), wanted);
}

// Behind the bracket that closes the element, or the end of the buffer while depth_ stays above 0.
size_t JsonArray::find_end(std::string_view buffer, size_t at) {
  for (; at < buffer.size() && depth_ > 0; ++at) {
    const char c = buffer[at];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    }
  }
  return at;
}

}  // namespace ropeway
