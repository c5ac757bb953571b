#include "trainer/formats/safetensors/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {
namespace {

using nlohmann::json;

std::optional<DType> dtype_of(const std::string& name) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kI64, DType::kI32,
                            DType::kI16, DType::kI8, DType::kU8, DType::kBool}) {
    if (name_of(dtype) == name) return dtype;
  }
  return std::nullopt;
}

// {"__metadata__": {"k": "v", ...}, "tensor": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
// ...} One handler for the one grammar: anything else is refused at the event where it shows.
class HeaderHandler : public nlohmann::json_sax<json> {
 public:
  HeaderHandler(SafetensorsHeader* header, const std::string& where) : header_(header), where_(where) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { unexpected(fmt::format("{}", value)); }
  bool number_float(number_float_t, const string_t& text) override { unexpected(text); }
  bool binary(binary_t&) override { unexpected("binary"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) unexpected(fmt::format("{}", value));
    if (place_ == Place::kShape) {
      if (value > static_cast<uint64_t>(kMaxTensorDim)) {
        refuse("shape: a dimension of {}, at most 2^48 is read", value);
      }
      if (static_cast<int64_t>(info_.shape.size()) == kMaxTensorDims) {
        refuse("shape: more than {} dimensions", kMaxTensorDims);
      }
      info_.shape.push_back(static_cast<int64_t>(value));
    } else {
      if (value > static_cast<uint64_t>(INT64_MAX)) refuse("data_offsets: {} is beyond any file", value);
      if (num_offsets_ == 2) refuse("data_offsets: more than two numbers, wanted [begin, end]");
      (num_offsets_++ == 0 ? info_.begin : info_.end) = static_cast<int64_t>(value);
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      header_->metadata[key_] = value;
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype") unexpected(fmt::format("\"{}\"", value.substr(0, 60)));
    const auto dtype = dtype_of(value);
    if (!dtype) {
      refuse("dtype: unsupported '{}', wanted F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL",
             value.substr(0, 60));
    }
    info_.dtype = *dtype;
    return true;
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kStart:
        place_ = Place::kRoot;
        return true;
      case Place::kRoot:
        place_ = key_ == "__metadata__" ? Place::kMetadata : Place::kTensor;
        if (place_ == Place::kMetadata) return true;
        tensor_ = key_;
        info_ = {};
        num_offsets_ = 0;
        seen_dtype_ = seen_shape_ = seen_offsets_ = false;
        return true;
      default:
        unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    if (place_ == Place::kRoot) {
      if (name == "__metadata__") {
        if (seen_metadata_) fail(ErrorKind::kBadData, "{}: __metadata__ occurs twice in the header", where_);
        seen_metadata_ = true;
      } else {
        check_tensor_name(name, where_);
        if (header_->tensors.contains(name)) {
          fail(ErrorKind::kBadData, "{}: tensor '{}' occurs twice in the header", where_, name);
        }
        if (static_cast<int64_t>(header_->tensors.size()) == kMaxSafetensorsTensors) {
          fail(ErrorKind::kBadData, "{}: more than {} tensors", where_, kMaxSafetensorsTensors);
        }
      }
    } else if (place_ == Place::kMetadata) {
      if (header_->metadata.contains(name)) {
        fail(ErrorKind::kBadData, "{}: __metadata__: the key '{}' occurs twice", where_, name.substr(0, 60));
      }
    } else {
      bool* seen = name == "dtype"          ? &seen_dtype_
                   : name == "shape"        ? &seen_shape_
                   : name == "data_offsets" ? &seen_offsets_
                                            : nullptr;
      if (seen == nullptr) {
        refuse("unknown key '{}', wanted dtype, shape and data_offsets", name.substr(0, 60));
      }
      if (*seen) refuse("the key '{}' occurs twice", name);
      *seen = true;
    }
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor) {
      if (!seen_dtype_) refuse("dtype is missing");
      if (!seen_shape_) refuse("shape is missing");
      if (!seen_offsets_) refuse("data_offsets is missing");
      if (info_.begin > info_.end) {
        refuse("data_offsets: begins at {} and ends before it, at {}", info_.begin, info_.end);
      }
      const int64_t bytes = checked_tensor_bytes(info_.dtype, info_.shape, where_, tensor_);
      if (bytes != info_.end - info_.begin) {
        refuse("shape [{}] of {} takes {} bytes, data_offsets [{}, {}] hold {}", fmt::join(info_.shape, ", "),
               name_of(info_.dtype), bytes, info_.begin, info_.end, info_.end - info_.begin);
      }
      header_->tensors.emplace(tensor_, std::move(info_));
    }
    place_ = place_ == Place::kRoot ? Place::kEnd : Place::kRoot;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor || (key_ != "shape" && key_ != "data_offsets")) unexpected("an array");
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && num_offsets_ != 2) {
      refuse("data_offsets: {} numbers, wanted [begin, end]", num_offsets_);
    }
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    std::string reason = error.what();
    if (const size_t colon = reason.find(": "); colon != std::string::npos) reason = reason.substr(colon + 2);
    fail(ErrorKind::kBadData, "{}: header, byte {}: not valid JSON: {}", where_, position,
         reason.substr(0, 200));
  }

 private:
  enum class Place { kStart, kRoot, kMetadata, kTensor, kShape, kOffsets, kEnd };

  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
    fail(ErrorKind::kBadData, "{}: tensor '{}': {}", where_, tensor_,
         fmt::format(format, std::forward<Args>(args)...));
  }

  [[noreturn]] void unexpected(const std::string& found) {
    switch (place_) {
      case Place::kStart:
      case Place::kEnd:
        fail(ErrorKind::kBadData, "{}: header: found {}, wanted an object", where_, found);
      case Place::kRoot:
        fail(ErrorKind::kBadData, "{}: tensor '{}': found {}, wanted an object", where_, key_, found);
      case Place::kMetadata:
        fail(ErrorKind::kBadData, "{}: __metadata__: {}: found {}, wanted a string", where_,
             key_.substr(0, 60), found);
      case Place::kTensor:
        refuse("{}: found {}, wanted {}", key_, found, key_ == "dtype" ? "a string" : "an array");
      case Place::kShape:
        refuse("shape: found {}, wanted an integer from 0 to 2^48", found);
      case Place::kOffsets:
        refuse("data_offsets: found {}, wanted an integer of 0 or more", found);
    }
    ROPEWAY_CHECK(false, "place {}", static_cast<int>(place_));
    std::abort();
  }

  SafetensorsHeader* header_;
  const std::string& where_;
  Place place_ = Place::kStart;
  std::string key_, tensor_;
  TensorInfo info_{};
  int num_offsets_ = 0;
  bool seen_metadata_ = false, seen_dtype_ = false, seen_shape_ = false, seen_offsets_ = false;
};

}  // namespace

int64_t checked_tensor_bytes(DType dtype, const std::vector<int64_t>& shape, const std::string& where,
                             const std::string& tensor) {
  // From the first dimension on, so that a zero after an overflow does not hide it.
  int64_t bytes = 1;
  bool overflow = false;
  for (const int64_t dim : shape) overflow = overflow || __builtin_mul_overflow(bytes, dim, &bytes);
  overflow = overflow || __builtin_mul_overflow(bytes, bytes_of(dtype), &bytes);
  if (overflow) {
    fail(ErrorKind::kBadData, "{}: tensor '{}': the size of shape [{}] of {} overflows 63 bits", where,
         tensor, fmt::join(shape, ", "), name_of(dtype));
  }
  return bytes;
}

void check_tensor_name(const std::string& name, const std::string& where) {
  if (name.empty()) fail(ErrorKind::kBadData, "{}: a tensor with an empty name", where);
  if (static_cast<int64_t>(name.size()) > kMaxTensorNameBytes) {
    fail(ErrorKind::kBadData, "{}: tensor '{}...': a name of {} bytes, at most {} are read", where,
         name.substr(0, 40), name.size(), kMaxTensorNameBytes);
  }
  if (const size_t nul = name.find('\0'); nul != std::string::npos) {
    fail(ErrorKind::kBadData, "{}: tensor '{}': a NUL byte in the name", where, name.substr(0, nul));
  }
}

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& where) {
  if (text.empty() || text.front() != '{') {
    fail(ErrorKind::kBadData, "{}: header: begins with byte 0x{:02x}, wanted '{{'", where,
         text.empty() ? 0 : static_cast<unsigned char>(text.front()));
  }
  // The JSON library takes a NUL byte for the end and would accept anything behind it.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    fail(ErrorKind::kBadData, "{}: header, byte {}: not valid JSON: a NUL byte", where, nul);
  }
  SafetensorsHeader header;
  HeaderHandler handler(&header, where);
  if (!json::sax_parse(text.begin(), text.end(), &handler)) {
    fail(ErrorKind::kBadData, "{}: header: not valid JSON", where);
  }
  return header;
}

}  // namespace ropeway
