#include "trainer/formats/gguf/gguf_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "kernels/base/error.h"
#include "trainer/files/mapped_file.h"
#include "trainer/formats/gguf/dequantize.h"
#include "trainer/formats/gguf/gguf_cursor.h"
#include "trainer/formats/gguf/gguf_split.h"
#include "trainer/formats/gguf/gguf_tensor_table.h"

namespace ropeway {

static_assert(std::endian::native == std::endian::little, "GGUF is read as it lies in memory");

struct GgufFile::State {
  std::vector<MappedFile> files;  // the first one has the metadata
  std::string where;
  std::map<std::string, GgufValuePlace> values;
  std::vector<GgufTensor> tensors;
  std::map<std::string, size_t> tensor_index;
};

namespace {

constexpr int64_t kDefaultAlignment = 32;
constexpr uint32_t kLastValueType = 12;

struct Counts {
  int64_t tensors = 0, pairs = 0;
};

Counts read_preamble(GgufCursor& cursor, std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0) {
    fail(ErrorKind::kBadData, "{}: does not begin with \"GGUF\": not a GGUF file", where);
  }
  cursor.skip(4, 1, "the magic");
  const auto version = cursor.take<uint32_t>("the version");
  if (version != 2 && version != 3) {
    const bool swapped = version == 2u << 24 || version == 3u << 24;
    fail(ErrorKind::kBadData, "{}: GGUF version {}, wanted 2 or 3{}", where, version,
         swapped ? ": the file is big-endian" : "");
  }
  const auto tensors = cursor.take<uint64_t>("the number of tensors");
  const auto pairs = cursor.take<uint64_t>("the number of metadata pairs");
  if (tensors > static_cast<uint64_t>(kMaxGgufTensors)) {
    fail(ErrorKind::kBadData, "{}: claims {} tensors, at most {} are read", where, tensors, kMaxGgufTensors);
  }
  if (pairs > static_cast<uint64_t>(kMaxGgufPairs)) {
    fail(ErrorKind::kBadData, "{}: claims {} metadata pairs, at most {} are read", where, pairs,
         kMaxGgufPairs);
  }
  return {static_cast<int64_t>(tensors), static_cast<int64_t>(pairs)};
}

GgufValueType take_type(GgufCursor& cursor, const std::string& where, const std::string& key) {
  const auto id = cursor.take<uint32_t>(key);
  if (id > kLastValueType) {
    fail(ErrorKind::kBadData, "{}: {}: value type {}, wanted 0 to {}", where, key, id, kLastValueType);
  }
  return static_cast<GgufValueType>(id);
}

void skip_elements(GgufCursor& cursor, const GgufValuePlace& place, GgufValueType type,
                   const std::string& where, const std::string& key) {
  if (type == GgufValueType::kString) {
    for (int64_t i = 0; i < place.count; ++i) cursor.string(kMaxGgufStringBytes, key);
    return;
  }
  const std::byte* first = cursor.here();
  cursor.skip(static_cast<uint64_t>(place.count), static_cast<uint64_t>(bytes_of(type)), key);
  if (type != GgufValueType::kBool) return;
  for (int64_t i = 0; i < place.count; ++i) {
    if (static_cast<uint8_t>(first[i]) > 1) {
      fail(ErrorKind::kBadData, "{}: {}: found the byte {} for a boolean, wanted 0 or 1", where, key,
           static_cast<int>(first[i]));
    }
  }
}

GgufValuePlace read_value(GgufCursor& cursor, const std::string& where, const std::string& key) {
  GgufValuePlace place;
  place.type = take_type(cursor, where, key);
  GgufValueType element = place.type;
  if (place.type == GgufValueType::kArray) {
    element = place.element = take_type(cursor, where, key);
    if (element == GgufValueType::kArray) {
      fail(ErrorKind::kBadData, "{}: {}: an array of arrays, wanted one of numbers or strings", where, key);
    }
    const auto count = cursor.take<uint64_t>(key);
    if (count > static_cast<uint64_t>(kMaxGgufArrayElements)) {
      fail(ErrorKind::kBadData, "{}: {}: an array of {}, at most {} elements are read", where, key, count,
           kMaxGgufArrayElements);
    }
    place.count = static_cast<int64_t>(count);
  }
  place.data = cursor.here();
  skip_elements(cursor, place, element, where, key);
  return place;
}

std::map<std::string, GgufValuePlace> read_pairs(GgufCursor& cursor, int64_t count,
                                                 const std::string& where) {
  std::map<std::string, GgufValuePlace> values;
  for (int64_t i = 0; i < count; ++i) {
    const std::string_view key = cursor.string(kMaxGgufKeyBytes, fmt::format("metadata key {}", i));
    const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (key.empty() || !printable) {
      fail(ErrorKind::kBadData, "{}: metadata key {}: wanted printable ASCII characters without blanks",
           where, i);
    }
    const std::string name(key);
    const GgufValuePlace place = read_value(cursor, where, name);
    if (!values.emplace(name, place).second) {
      fail(ErrorKind::kBadData, "{}: {}: the key occurs twice", where, name);
    }
  }
  return values;
}

}  // namespace

GgufFile GgufFile::open_part(const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  state->files.emplace_back(path);
  state->where = path.string();
  const std::string& where = state->where;
  const std::span<const std::byte> bytes = state->files.front().bytes();
  GgufCursor cursor(bytes.first(std::min(bytes.size(), static_cast<size_t>(kMaxGgufHeaderBytes))), where);
  const Counts counts = read_preamble(cursor, bytes, where);
  state->values = read_pairs(cursor, counts.pairs, where);

  std::vector<GgufTableEntry> entries;
  for (int64_t i = 0; i < counts.tensors; ++i) {
    entries.push_back(read_gguf_table_entry(cursor, i, where));
    if (!state->tensor_index.emplace(entries.back().tensor.name, entries.size() - 1).second) {
      fail(ErrorKind::kBadData, "{}: tensor '{}' occurs twice", where, entries.back().tensor.name);
    }
  }
  GgufFile file(std::move(state));
  int64_t alignment = kDefaultAlignment;
  if (const auto value = file.find("general.alignment")) {
    alignment = value->integer(1, 1 << 20);
    if (!std::has_single_bit(static_cast<uint64_t>(alignment))) value->refuse("a power of two");
  }
  const int64_t start =
      std::min(gguf_round_up(cursor.position(), alignment), static_cast<int64_t>(bytes.size()));
  place_gguf_tensors(entries, bytes.subspan(static_cast<size_t>(start)), alignment, file.where());
  for (GgufTableEntry& entry : entries) file.state_->tensors.push_back(std::move(entry.tensor));
  return file;
}

void GgufFile::append(GgufFile part) {
  for (GgufTensor& tensor : part.state_->tensors) {
    if (!state_->tensor_index.emplace(tensor.name, state_->tensors.size()).second) {
      fail(ErrorKind::kBadData, "{}: tensor '{}' is in another part as well", part.where(), tensor.name);
    }
    state_->tensors.push_back(std::move(tensor));
  }
  for (MappedFile& file : part.state_->files) state_->files.push_back(std::move(file));
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile file = open_part(path);
  const GgufSplit split = read_gguf_split(file);
  if (split.count < 2) return file;
  if (split.number > 0) refuse_later_gguf_part(path, split);
  for (int64_t number = 1; number < split.count; ++number) {
    GgufFile part = open_part(gguf_part(path, {number, split.count}));
    require_gguf_part(part, {number, split.count});
    file.append(std::move(part));
  }
  if (const auto total = file.find("split.tensors.count")) {
    const auto found = static_cast<int64_t>(file.tensors().size());
    if (total->integer(0, kMaxGgufTensors) != found) {
      total->refuse(fmt::format("the number of tensors in all parts, {}", found));
    }
  }
  return file;
}

GgufFile::GgufFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
GgufFile::GgufFile(GgufFile&&) noexcept = default;
GgufFile& GgufFile::operator=(GgufFile&&) noexcept = default;
GgufFile::~GgufFile() = default;

const std::filesystem::path& GgufFile::path() const { return state_->files.front().path(); }
const std::string& GgufFile::where() const { return state_->where; }

std::vector<std::string> GgufFile::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, place] : state_->values) keys.push_back(key);
  return keys;
}

std::optional<GgufValue> GgufFile::find(const std::string& key) const {
  const auto it = state_->values.find(key);
  if (it == state_->values.end()) return std::nullopt;
  return GgufValue(&state_->where, key, it->second);
}

GgufValue GgufFile::at(const std::string& key) const {
  if (auto value = find(key)) return *value;
  fail(ErrorKind::kBadData, "{}: {}: missing", where(), key);
}

const std::vector<GgufTensor>& GgufFile::tensors() const { return state_->tensors; }

const GgufTensor* GgufFile::find_tensor(const std::string& name) const {
  const auto it = state_->tensor_index.find(name);
  return it == state_->tensor_index.end() ? nullptr : &state_->tensors[it->second];
}

const GgufTensor& GgufFile::tensor(const std::string& name) const {
  if (const GgufTensor* tensor = find_tensor(name)) return *tensor;
  fail(ErrorKind::kBadData, "{}: holds no tensor '{}'", where(), name);
}

int64_t GgufTensor::rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

void GgufTensor::read_row(int64_t row, float* out) const {
  dequantize_row(type, data.data() + row * ggml_row_bytes(type, columns()), columns(), out);
}

}  // namespace ropeway
