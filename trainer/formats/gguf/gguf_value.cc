#include "trainer/formats/gguf/gguf_value.h"

#include <cmath>
#include <cstring>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

struct Number {
  enum class Kind { kSigned, kUnsigned, kFloat, kNone } kind = Kind::kNone;
  int64_t as_signed = 0;
  uint64_t as_unsigned = 0;
  double as_float = 0;
};

Number number_at(GgufValueType type, const std::byte* data) {
  const auto of_signed = [](int64_t value) { return Number{Number::Kind::kSigned, value, 0, 0}; };
  const auto of_unsigned = [](uint64_t value) { return Number{Number::Kind::kUnsigned, 0, value, 0}; };
  const auto of_float = [](double value) { return Number{Number::Kind::kFloat, 0, 0, value}; };
  switch (type) {
    case GgufValueType::kU8:
      return of_unsigned(load<uint8_t>(data));
    case GgufValueType::kU16:
      return of_unsigned(load<uint16_t>(data));
    case GgufValueType::kU32:
      return of_unsigned(load<uint32_t>(data));
    case GgufValueType::kU64:
      return of_unsigned(load<uint64_t>(data));
    case GgufValueType::kI8:
      return of_signed(load<int8_t>(data));
    case GgufValueType::kI16:
      return of_signed(load<int16_t>(data));
    case GgufValueType::kI32:
      return of_signed(load<int32_t>(data));
    case GgufValueType::kI64:
      return of_signed(load<int64_t>(data));
    case GgufValueType::kF32:
      return of_float(load<float>(data));
    case GgufValueType::kF64:
      return of_float(load<double>(data));
    default:
      return {};
  }
}

bool in_range(const Number& number, int64_t low, int64_t high, int64_t& value) {
  if (number.kind == Number::Kind::kSigned) {
    value = number.as_signed;
  } else if (number.kind == Number::Kind::kUnsigned &&
             number.as_unsigned <= static_cast<uint64_t>(INT64_MAX)) {
    value = static_cast<int64_t>(number.as_unsigned);
  } else {
    return false;
  }
  return value >= low && value <= high;
}

// The decimal number that names a binary32 is what its writer meant: 1e-05, not 9.99999974e-06.
double shortest(const Number& number, GgufValueType type) {
  if (number.kind == Number::Kind::kSigned) return static_cast<double>(number.as_signed);
  if (number.kind == Number::Kind::kUnsigned) return static_cast<double>(number.as_unsigned);
  if (type != GgufValueType::kF32 || !std::isfinite(number.as_float)) return number.as_float;
  return std::strtod(fmt::format("{}", static_cast<float>(number.as_float)).c_str(), nullptr);
}

bool is_number(GgufValueType type) {
  return type != GgufValueType::kBool && type != GgufValueType::kString && type != GgufValueType::kArray;
}

std::string_view string_at(const std::byte* data) {
  return {reinterpret_cast<const char*>(data + 8), load<uint64_t>(data)};
}

}  // namespace

int64_t bytes_of(GgufValueType type) {
  switch (type) {
    case GgufValueType::kU8:
    case GgufValueType::kI8:
    case GgufValueType::kBool:
      return 1;
    case GgufValueType::kU16:
    case GgufValueType::kI16:
      return 2;
    case GgufValueType::kU32:
    case GgufValueType::kI32:
    case GgufValueType::kF32:
      return 4;
    case GgufValueType::kU64:
    case GgufValueType::kI64:
    case GgufValueType::kF64:
      return 8;
    case GgufValueType::kString:
    case GgufValueType::kArray:
      break;
  }
  return 0;
}

std::string GgufValue::shown() const {
  const Number number = number_at(place_.type, place_.data);
  switch (number.kind) {
    case Number::Kind::kSigned:
      return fmt::format("{}", number.as_signed);
    case Number::Kind::kUnsigned:
      return fmt::format("{}", number.as_unsigned);
    case Number::Kind::kFloat:
      return fmt::format("{}", shortest(number, place_.type));
    case Number::Kind::kNone:
      break;
  }
  if (place_.type == GgufValueType::kBool) return boolean() ? "true" : "false";
  if (place_.type == GgufValueType::kArray) return fmt::format("an array of {}", place_.count);
  const std::string_view text = string_at(place_.data);
  return is_valid_utf8(text) ? fmt::format("the string \"{}\"", shorten(text, 60))
                             : "a string that is not UTF-8";
}

void GgufValue::refuse(const std::string& wanted) const {
  fail(ErrorKind::kBadData, "{}: {}: found {}, wanted {}", *where_, key_, shown(), wanted);
}

std::optional<int64_t> GgufValue::token_id(int64_t last) const {
  const Number number = number_at(place_.type, place_.data);
  const bool is_none = (number.kind == Number::Kind::kSigned && number.as_signed == -1) ||
                       (number.kind == Number::Kind::kUnsigned &&
                        (number.as_unsigned == UINT32_MAX || number.as_unsigned == UINT64_MAX));
  return is_none ? std::nullopt : std::optional(integer(0, last));
}

int64_t GgufValue::integer(int64_t low, int64_t high) const {
  int64_t value = 0;
  if (!in_range(number_at(place_.type, place_.data), low, high, value)) {
    refuse(fmt::format("an integer from {} to {}", low, high));
  }
  return value;
}

double GgufValue::number() const {
  if (!is_number(place_.type)) refuse("a number");
  const double value = shortest(number_at(place_.type, place_.data), place_.type);
  if (!std::isfinite(value)) refuse("a finite number");
  return value;
}

bool GgufValue::boolean() const {
  if (place_.type != GgufValueType::kBool) refuse("true or false");
  return load<uint8_t>(place_.data) != 0;
}

std::string GgufValue::string() const {
  if (place_.type != GgufValueType::kString) refuse("a string");
  const std::string_view text = string_at(place_.data);
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos)
    refuse("a string of UTF-8 without NUL");
  return std::string(text);
}

int64_t GgufValue::size() const {
  if (place_.type != GgufValueType::kArray) refuse("an array");
  return place_.count;
}

std::vector<std::string_view> GgufValue::strings() const {
  if (place_.type != GgufValueType::kArray || place_.element != GgufValueType::kString) {
    refuse("an array of strings");
  }
  std::vector<std::string_view> list;
  list.reserve(static_cast<size_t>(place_.count));
  const std::byte* next = place_.data;
  for (int64_t i = 0; i < place_.count; ++i) {
    list.push_back(string_at(next));
    if (!is_valid_utf8(list.back())) {
      fail(ErrorKind::kBadData, "{}: {}[{}]: found a string that is not UTF-8", *where_, key_, i);
    }
    next += 8 + list.back().size();
  }
  return list;
}

std::vector<bool> GgufValue::booleans() const {
  if (place_.type != GgufValueType::kArray || place_.element != GgufValueType::kBool)
    refuse("an array of true and false");
  std::vector<bool> list;
  for (int64_t i = 0; i < place_.count; ++i) list.push_back(load<uint8_t>(place_.data + i) != 0);
  return list;
}

std::vector<int64_t> GgufValue::integers() const {
  if (place_.type != GgufValueType::kArray) refuse("an array of integers");
  std::vector<int64_t> list(static_cast<size_t>(place_.count));
  const int64_t bytes = bytes_of(place_.element);
  for (int64_t i = 0; i < place_.count; ++i) {
    if (!in_range(number_at(place_.element, place_.data + i * bytes), INT64_MIN, INT64_MAX, list[i])) {
      refuse("an array of integers");
    }
  }
  return list;
}

std::vector<double> GgufValue::numbers() const {
  if (place_.type != GgufValueType::kArray || !is_number(place_.element)) refuse("an array of numbers");
  std::vector<double> list(static_cast<size_t>(place_.count));
  const int64_t bytes = bytes_of(place_.element);
  for (int64_t i = 0; i < place_.count; ++i) {
    list[i] = shortest(number_at(place_.element, place_.data + i * bytes), place_.element);
    if (!std::isfinite(list[i])) refuse("an array of finite numbers");
  }
  return list;
}

}  // namespace ropeway
