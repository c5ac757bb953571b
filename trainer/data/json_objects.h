// Cuts what is read of a file of JSON objects into the objects: JSON lines, or one array of them. Only one
// object at a time is in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ropeway {

// Takes one object; number: of its line, or of its place in the array, from 1.
using TakeObject = std::function<void(std::string_view object, int64_t number)>;

class JsonObjects {
 public:
  virtual ~JsonObjects() = default;
  // Removes the objects that are whole from the front of `buffer`, which more is appended to between calls.
  // last: the file ends there. Throws kBadData.
  virtual void take(std::string& buffer, bool last, const TakeObject& object) = 0;
  virtual int64_t number() const = 0;  // of the object that is being read
};

// Lines without anything but white space count and hold no object; a last line needs no line feed.
class JsonLines : public JsonObjects {
 public:
  void take(std::string& buffer, bool last, const TakeObject& object) override;
  int64_t number() const override { return line_ + 1; }

 private:
  void take_line(std::string_view line, const TakeObject& object);

  int64_t line_ = 0;
  size_t searched_ = 0;  // the buffer's front that holds no line feed
};

// [ {...}, {...} ] with any white space.
class JsonArray : public JsonObjects {
 public:
  explicit JsonArray(std::string name) : name_(std::move(name)) {}
  void take(std::string& buffer, bool last, const TakeObject& object) override;
  int64_t number() const override { return elements_ + 1; }

 private:
  enum class Wanted { kArray, kFirstElement, kElement, kCommaOrEnd, kNothing };
  size_t step_outside(std::string_view buffer, size_t at, size_t& begin);
  size_t find_end(std::string_view buffer, size_t at);
  [[noreturn]] void refuse(std::string_view found, const char* wanted) const;

  std::string name_;
  Wanted wanted_ = Wanted::kArray;
  int64_t elements_ = 0;
  int64_t depth_ = 0;   // of brackets that are open within the array; 0 between elements
  size_t scanned_ = 0;  // the buffer's front that was looked at
  bool in_string_ = false, escaped_ = false;
};

}  // namespace ropeway
