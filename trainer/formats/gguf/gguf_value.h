// One metadata value of a GGUF file, with getters that refuse anything but what was asked for:
//   model.gguf: llama.block_count: found the string "32", wanted an integer from 1 to 1000
// Strings and arrays are read out of the mapped file when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

// Ids of the file format.
enum class GgufValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
int64_t bytes_of(GgufValueType type);  // of a number or boolean; 0 for strings and arrays

// Where a value lies; made by the parser, which has proved that all of it lies inside the file.
struct GgufValuePlace {
  GgufValueType type = GgufValueType::kU8;
  GgufValueType element = GgufValueType::kU8;  // of an array
  int64_t count = 1;                           // elements of an array
  const std::byte* data = nullptr;             // the number, the string's length, or the first element
};

class GgufValue {
 public:
  GgufValue(const std::string* where, std::string key, GgufValuePlace place)
      : where_(where), key_(std::move(key)), place_(place) {}

  int64_t integer(int64_t low, int64_t high) const;  // of any integer type
  // A token's id in [0, last]; nullopt for the ids that stand for no token, -1 and 2^32 - 1.
  std::optional<int64_t> token_id(int64_t last) const;
  double number() const;  // a finite one, of any type but bool
  bool boolean() const;
  std::string string() const;  // UTF-8 without NUL

  bool is_array() const { return place_.type == GgufValueType::kArray; }
  int64_t size() const;  // elements of an array
  std::vector<bool> booleans() const;
  std::vector<std::string_view> strings() const;
  std::vector<int64_t> integers() const;
  std::vector<double> numbers() const;

  const std::string& key() const { return key_; }
  // Throws kBadData "FILE: KEY: found VALUE, wanted `wanted`".
  [[noreturn]] void refuse(const std::string& wanted) const;
  // The value for a reader: 32, the string "llama", an array of 5.
  std::string shown() const;

 private:
  const std::string* where_;  // the file's name; outlives the value
  std::string key_;
  GgufValuePlace place_;
};

}  // namespace ropeway
