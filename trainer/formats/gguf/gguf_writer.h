// Writer of GGUF files, version 3, little-endian, alignment 32 (gguf_file.h has the layout).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trainer/files/output_file.h"
#include "trainer/formats/gguf/ggml_type.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

// Pairs in the order in which they are added; each key once.
class GgufMetadata {
 public:
  void add_string(const std::string& key, std::string_view value);
  void add_u32(const std::string& key, int64_t value);
  void add_f32(const std::string& key, double value);
  void add_bool(const std::string& key, bool value);
  void add_strings(const std::string& key, const std::vector<std::string>& values);
  void add_i32s(const std::string& key, const std::vector<int32_t>& values);
  void add_f32s(const std::string& key, const std::vector<float>& values);

  int64_t size() const { return static_cast<int64_t>(pairs_.size()); }
  std::string bytes() const;  // all pairs as they stand in a file

 private:
  void add(const std::string& key, uint32_t type, std::string value);
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// A tensor whose bytes come piece by piece, in order.
struct GgufTensorToWrite {
  std::string name;
  GgmlType type;
  std::vector<int64_t> shape;  // slowest first
  std::function<void(const PutBytes& put)> produce;
};
int64_t bytes_of(const GgufTensorToWrite& tensor);

void stream_gguf(OutputFile& file, const GgufMetadata& metadata,
                 const std::vector<GgufTensorToWrite>& tensors);

}  // namespace ropeway
