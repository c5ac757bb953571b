#include "trainer/formats/gguf/gguf_writer.h"

#include <algorithm>
#include <bit>

#include "kernels/base/error.h"
#include "trainer/formats/gguf/dequantize.h"
#include "trainer/formats/gguf/gguf_value.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is written as it lies in memory");

constexpr int64_t kAlignment = 32;

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_string(std::string& bytes, std::string_view text) {
  append<uint64_t>(bytes, text.size());
  bytes.append(text);
}

std::string array_head(GgufValueType type, size_t count) {
  std::string bytes;
  append(bytes, static_cast<uint32_t>(type));
  append<uint64_t>(bytes, count);
  return bytes;
}

template <typename T>
std::string array_of(GgufValueType type, const std::vector<T>& values) {
  std::string bytes = array_head(type, values.size());
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

template <typename T>
std::string scalar(T value) {
  std::string bytes;
  append(bytes, value);
  return bytes;
}

int64_t padding_after(int64_t bytes) { return (kAlignment - bytes % kAlignment) % kAlignment; }

void pad(OutputFile& file) {
  const std::string zeros(static_cast<size_t>(padding_after(file.bytes())), '\0');
  file.write(zeros.data(), static_cast<int64_t>(zeros.size()));
}

}  // namespace

void GgufMetadata::add(const std::string& key, uint32_t type, std::string value) {
  const bool known =
      std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == key; });
  ROPEWAY_CHECK(!known, "metadata key {} given twice", key);
  pairs_.emplace_back(key, scalar(type) + value);
}

void GgufMetadata::add_string(const std::string& key, std::string_view value) {
  std::string bytes;
  append_string(bytes, value);
  add(key, static_cast<uint32_t>(GgufValueType::kString), std::move(bytes));
}

void GgufMetadata::add_u32(const std::string& key, int64_t value) {
  ROPEWAY_CHECK(value >= 0 && value <= UINT32_MAX, "{} = {} does not fit 32 bits", key, value);
  add(key, static_cast<uint32_t>(GgufValueType::kU32), scalar(static_cast<uint32_t>(value)));
}

void GgufMetadata::add_f32(const std::string& key, double value) {
  add(key, static_cast<uint32_t>(GgufValueType::kF32), scalar(static_cast<float>(value)));
}

void GgufMetadata::add_bool(const std::string& key, bool value) {
  add(key, static_cast<uint32_t>(GgufValueType::kBool), scalar(static_cast<uint8_t>(value)));
}

void GgufMetadata::add_strings(const std::string& key, const std::vector<std::string>& values) {
  std::string bytes = array_head(GgufValueType::kString, values.size());
  for (const std::string& value : values) append_string(bytes, value);
  add(key, static_cast<uint32_t>(GgufValueType::kArray), std::move(bytes));
}

void GgufMetadata::add_i32s(const std::string& key, const std::vector<int32_t>& values) {
  add(key, static_cast<uint32_t>(GgufValueType::kArray), array_of(GgufValueType::kI32, values));
}

void GgufMetadata::add_f32s(const std::string& key, const std::vector<float>& values) {
  add(key, static_cast<uint32_t>(GgufValueType::kArray), array_of(GgufValueType::kF32, values));
}

std::string GgufMetadata::bytes() const {
  std::string bytes;
  for (const auto& [key, value] : pairs_) {
    append_string(bytes, key);
    bytes += value;
  }
  return bytes;
}

int64_t bytes_of(const GgufTensorToWrite& tensor) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) rows *= tensor.shape[i];
  return rows * ggml_row_bytes(tensor.type, tensor.shape.back());
}

void stream_gguf(OutputFile& file, const GgufMetadata& metadata,
                 const std::vector<GgufTensorToWrite>& tensors) {
  std::string header = "GGUF";
  append<uint32_t>(header, 3);
  append<uint64_t>(header, tensors.size());
  append<uint64_t>(header, static_cast<uint64_t>(metadata.size()));
  header += metadata.bytes();
  int64_t offset = 0;
  for (const GgufTensorToWrite& tensor : tensors) {
    append_string(header, tensor.name);
    append<uint32_t>(header, static_cast<uint32_t>(tensor.shape.size()));
    for (auto dim = tensor.shape.rbegin(); dim != tensor.shape.rend(); ++dim) append<int64_t>(header, *dim);
    append(header, static_cast<uint32_t>(tensor.type));
    append<uint64_t>(header, static_cast<uint64_t>(offset));
    offset += bytes_of(tensor) + padding_after(bytes_of(tensor));
  }
  file.write(header.data(), static_cast<int64_t>(header.size()));
  pad(file);
  for (const GgufTensorToWrite& tensor : tensors) {
    const int64_t begin = file.bytes();
    tensor.produce([&](const void* data, int64_t bytes) { file.write(data, bytes); });
    ROPEWAY_CHECK(file.bytes() - begin == bytes_of(tensor), "{}: tensor '{}' came in {} bytes, wanted {}",
                  file.path().string(), tensor.name, file.bytes() - begin, bytes_of(tensor));
    pad(file);
  }
}

}  // namespace ropeway
