// Reader of GGUF files, versions 2 and 3, little-endian; the file is mapped. Layout:
//   "GGUF", version u32, number of tensors u64, number of metadata pairs u64
//   pairs: key string, value type u32, value       (string: length u64, bytes; array: type u32, count u64)
//   tensors: name string, number of dims u32, dims u64 (fastest first), type u32, offset u64
//   padding to general.alignment (32 unless given), then the data: each tensor at its offset from there
// A model may be split into files NAME-00001-of-00003.gguf, ...: the first one has the metadata, each one a
// part of the tensors, and split.no and split.count say which it is. They are one file here.
// Anybody may have written the file: every count, length, offset and size is checked before it is used.
// Beyond what the format says, as in llama.cpp: arrays are not nested, the tensors fill the data section
// without overlap or hole (but for the padding), and nothing follows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainer/formats/gguf/ggml_type.h"
#include "trainer/formats/gguf/gguf_value.h"

namespace ropeway {

inline constexpr int64_t kMaxGgufHeaderBytes = 256 << 20;  // metadata and tensor table
inline constexpr int64_t kMaxGgufPairs = 1 << 16;
inline constexpr int64_t kMaxGgufTensors = 1 << 16;
inline constexpr int64_t kMaxGgufArrayElements = 1 << 22;
inline constexpr int64_t kMaxGgufStringBytes = 64 << 20;
inline constexpr int64_t kMaxGgufKeyBytes = 1024;
inline constexpr int64_t kMaxGgufDims = 4;

struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<int64_t> shape;  // slowest first, as everywhere here: [rows, columns] of a matrix
  std::span<const std::byte> data;

  int64_t columns() const { return shape.back(); }
  int64_t rows() const;  // of `columns` elements each
  // Row `row` as float32.
  void read_row(int64_t row, float* out) const;
};

class GgufFile {
 public:
  // Of a split model the first part; the others lie beside it. Throws kMissingInput, also for a part that is
  // not there, kIo, and kBadData naming file, key or tensor, what was found and what was wanted.
  static GgufFile open(const std::filesystem::path& path);
  GgufFile(GgufFile&&) noexcept;
  GgufFile& operator=(GgufFile&&) noexcept;
  ~GgufFile();

  const std::filesystem::path& path() const;
  const std::string& where() const;  // the path, for messages

  std::vector<std::string> keys() const;
  std::optional<GgufValue> find(const std::string& key) const;
  GgufValue at(const std::string& key) const;  // an error when absent

  const std::vector<GgufTensor>& tensors() const;  // in the file's order
  const GgufTensor* find_tensor(const std::string& name) const;
  const GgufTensor& tensor(const std::string& name) const;  // an error when absent

 private:
  struct State;
  explicit GgufFile(std::unique_ptr<State> state);
  static GgufFile open_part(const std::filesystem::path& path);
  void append(GgufFile part);
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
