// JSON from files that anybody may have written, read without surprises: size and depth limits, no duplicate
// keys, no NUL bytes, no silent conversion of numbers (the parser's own get<> turns -1 into 2^64-1, 1.5 into
// 1 and 1e20 into 0). A JsonValue knows the file and the path it came from, so that every error reads
//   config.json: rope_scaling.long_factor[3]: found "x", wanted a number
// All errors are kBadData, an absent file kMissingInput.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

struct JsonLimits {
  int64_t max_bytes = 4 << 20;
  int max_depth = 32;
};

// One value of a parsed document; copies are cheap and share the document.
class JsonValue {
 public:
  bool is_null() const;
  bool is_object() const;
  bool is_string() const;
  bool is_array() const;
  bool is_true() const;
  bool is_false() const;
  bool is_integer(int64_t value) const;  // that one

  // Members of an object. find: nullopt when absent or null. at: an error when absent; null is returned as a
  // value.
  std::optional<JsonValue> find(const std::string& key) const;
  JsonValue at(const std::string& key) const;
  bool has(const std::string& key) const;  // null or not
  std::vector<std::string> keys() const;
  // An error naming the first key that is not in `known`.
  void require_known_keys(const std::vector<std::string>& known) const;

  // Elements of an array.
  int64_t size() const;
  JsonValue at(int64_t index) const;

  int64_t integer(int64_t low, int64_t high) const;  // exact: 4096.0 is not an integer
  double number() const;                             // finite by the grammar of JSON
  bool boolean() const;
  std::string string() const;
  std::vector<double> numbers() const;

  const std::string& path() const { return path_; }  // "rope_scaling.long_factor[3]", "" for the document
  std::string place() const;                         // "FILE: PATH", "FILE" for the document
  // Throws kBadData "FILE: PATH: found VALUE, wanted `wanted`".
  [[noreturn]] void refuse(const std::string& wanted) const;

 private:
  friend JsonValue parse_strict_json(std::string_view, const std::string&, const JsonLimits&);
  struct Document;
  JsonValue(std::shared_ptr<const Document> document, const nlohmann::json* json, std::string path);
  JsonValue member(const nlohmann::json* json, const std::string& key) const;

  std::shared_ptr<const Document> document_;
  const nlohmann::json* json_ = nullptr;
  std::string path_;
};

// `where` names the document in errors, usually its file.
JsonValue parse_strict_json(std::string_view text, const std::string& where, const JsonLimits& limits = {});
JsonValue read_strict_json(const std::filesystem::path& path, const JsonLimits& limits = {});

}  // namespace ropeway
