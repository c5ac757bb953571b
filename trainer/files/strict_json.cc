#include "trainer/files/strict_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

using nlohmann::json;

// What a message shows of a key or value: a person finds the place by it, and a file may hold megabytes there.
// A place, a value and what the place may quote of other parts make no more than 200 characters of the file.
constexpr size_t kExcerpt = 60;
constexpr size_t kLongestPath = 80;  // characters

// For messages only. Of a long path the end is shown.
std::string join_path(const std::string& parent, const std::string& key) {
  const std::string shown = shorten(key, kExcerpt);
  std::string path = parent.empty() ? shown : fmt::format("{}.{}", parent, shown);
  size_t begin = path.size();
  for (size_t n = 0; n < kLongestPath && begin > 0; ++n) begin = previous_character(path, begin);
  return begin == 0 ? path : "..." + path.substr(begin);
}

// A value as it appears in an error: short, and never a whole array.
std::string describe(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

// Builds the document, event by event. The parser calls without recursion, so depth costs no stack before it
// is refused.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(json* root, const std::string& where, const JsonLimits& limits)
      : root_(root), where_(where), limits_(limits) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (stack_.back()->contains(name)) {
      fail(ErrorKind::kBadData, "{}: {}: the key occurs twice in one object", where_,
           join_path(path(), name));
    }
    keys_.back() = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const json::exception& error) override {
    // Only the reason: the text before the first colon names the library's classes and counts lines of its
    // own.
    std::string reason = error.what();
    if (const size_t colon = reason.find(": "); colon != std::string::npos) reason = reason.substr(colon + 2);
    // The reason quotes what was read last, in full.
    fail(ErrorKind::kBadData, "{}: byte {}: not valid JSON near '{}': {}", where_, position,
         shorten(last_token, 40), shorten(reason, 160));
  }

 private:
  std::string path() const {
    std::string path;
    for (size_t i = 0; i + 1 < stack_.size(); ++i) path = step(path, i);
    return path;
  }
  std::string step(const std::string& path, size_t i) const {
    if (stack_[i]->is_array()) return fmt::format("{}[{}]", path, stack_[i]->size() - 1);
    return join_path(path, keys_[i]);
  }

  json* insert(json&& value) {
    if (stack_.empty()) {
      *root_ = std::move(value);
      return root_;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[keys_.back()] = std::move(value));
  }
  template <typename T>
  bool add(T&& value) {
    insert(json(std::forward<T>(value)));
    return true;
  }
  bool open(json&& container) {
    json* inserted = insert(std::move(container));
    stack_.push_back(inserted);
    keys_.emplace_back();
    if (static_cast<int>(stack_.size()) > limits_.max_depth) {
      fail(ErrorKind::kBadData, "{}: {}: nested more than {} levels deep", where_, path().substr(0, 60),
           limits_.max_depth);
    }
    return true;
  }
  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  json* root_;
  const std::string& where_;
  const JsonLimits& limits_;
  std::vector<json*> stack_;       // open containers, outermost first
  std::vector<std::string> keys_;  // the key being filled, where the container is an object
};

}  // namespace

struct JsonValue::Document {
  std::string where;
  json root;
};

JsonValue::JsonValue(std::shared_ptr<const Document> document, const json* value, std::string path)
    : document_(std::move(document)), json_(value), path_(std::move(path)) {}

JsonValue parse_strict_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (static_cast<int64_t>(text.size()) > limits.max_bytes) {
    fail(ErrorKind::kBadData, "{}: {} bytes of JSON, at most {} are read", where, text.size(),
         limits.max_bytes);
  }
  // The library takes a NUL byte for the end of the text and would accept anything after it.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    fail(ErrorKind::kBadData, "{}: byte {}: not valid JSON: a NUL byte", where, nul);
  }
  auto document = std::make_shared<JsonValue::Document>();
  document->where = where;
  Builder builder(&document->root, document->where, limits);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) {
    fail(ErrorKind::kBadData, "{}: not valid JSON", where);
  }
  const json* root = &document->root;
  return JsonValue(std::move(document), root, "");
}

JsonValue read_strict_json(const std::filesystem::path& path, const JsonLimits& limits) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (!error && static_cast<int64_t>(bytes) > limits.max_bytes) {
    fail(ErrorKind::kBadData, "{}: {} bytes of JSON, at most {} are read", path.string(), bytes,
         limits.max_bytes);
  }
  return parse_strict_json(read_text_file(path), path.string(), limits);
}

std::string JsonValue::place() const {
  return path_.empty() ? document_->where : document_->where + ": " + path_;
}

void JsonValue::refuse(const std::string& wanted) const {
  // What is wanted may name another part of the file.
  fail(ErrorKind::kBadData, "{}: found {}, wanted {}", place(), describe(*json_),
       shorten(wanted, 3 * kExcerpt));
}

bool JsonValue::is_null() const { return json_->is_null(); }
bool JsonValue::is_object() const { return json_->is_object(); }
bool JsonValue::is_string() const { return json_->is_string(); }
bool JsonValue::is_array() const { return json_->is_array(); }
bool JsonValue::is_true() const { return json_->is_boolean() && json_->get<bool>(); }
bool JsonValue::is_false() const { return json_->is_boolean() && !json_->get<bool>(); }
bool JsonValue::is_integer(int64_t value) const { return json_->is_number_integer() && *json_ == value; }

JsonValue JsonValue::member(const json* value, const std::string& key) const {
  return JsonValue(document_, value, join_path(path_, key));
}

std::optional<JsonValue> JsonValue::find(const std::string& key) const {
  if (!json_->is_object()) refuse("an object");
  const auto it = json_->find(key);
  if (it == json_->end() || it->is_null()) return std::nullopt;
  return member(&*it, key);
}

JsonValue JsonValue::at(const std::string& key) const {
  if (!json_->is_object()) refuse("an object");
  const auto it = json_->find(key);
  if (it == json_->end()) {
    fail(ErrorKind::kBadData, "{}: {}: the key is missing", document_->where, join_path(path_, key));
  }
  return member(&*it, key);
}

std::vector<std::string> JsonValue::keys() const {
  if (!json_->is_object()) refuse("an object");
  std::vector<std::string> keys;
  for (auto it = json_->begin(); it != json_->end(); ++it) keys.push_back(it.key());
  return keys;
}

void JsonValue::require_known_keys(const std::vector<std::string>& known) const {
  for (const std::string& key : keys()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(ErrorKind::kBadData, "{}: {}: unknown key, wanted one of: {}", document_->where,
           join_path(path_, key), fmt::join(known, ", "));
    }
  }
}

int64_t JsonValue::size() const {
  if (!json_->is_array()) refuse("an array");
  return static_cast<int64_t>(json_->size());
}

JsonValue JsonValue::at(int64_t index) const {
  ROPEWAY_CHECK(index >= 0 && index < size(), "element {} of {}", index, path_);
  return JsonValue(document_, &(*json_)[index], fmt::format("{}[{}]", path_, index));
}

int64_t JsonValue::integer(int64_t low, int64_t high) const {
  const std::string wanted = fmt::format("an integer from {} to {}", low, high);
  if (json_->is_number_unsigned()) {
    const auto value = json_->get<uint64_t>();
    if (value > static_cast<uint64_t>(INT64_MAX)) refuse(wanted);
  } else if (!json_->is_number_integer()) {
    refuse(wanted);
  }
  const auto value = json_->get<int64_t>();
  if (value < low || value > high) refuse(wanted);
  return value;
}

double JsonValue::number() const {
  if (!json_->is_number()) refuse("a number");
  return json_->get<double>();
}

bool JsonValue::boolean() const {
  if (!json_->is_boolean()) refuse("true or false");
  return json_->get<bool>();
}

std::string JsonValue::string() const {
  if (!json_->is_string()) refuse("a string");
  return json_->get<std::string>();
}

bool JsonValue::has(const std::string& key) const { return json_->is_object() && json_->contains(key); }

std::vector<double> JsonValue::numbers() const {
  std::vector<double> values;
  const int64_t count = size();
  values.reserve(count);
  for (int64_t i = 0; i < count; ++i) {
    const json& element = (*json_)[i];
    values.push_back(element.is_number() ? element.get<double>() : at(i).number());
  }
  return values;
}

}  // namespace ropeway
