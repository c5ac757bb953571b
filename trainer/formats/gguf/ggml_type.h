// How GGUF stores the numbers of a tensor. Quantized types store a row in blocks of 32 or 256 elements, each
// with scales of its own; layouts and arithmetic are in dequantize_*.cc. Ids as numbered by ggml.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropeway {

enum class GgmlType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
};

struct GgmlLayout {
  GgmlType type;
  std::string_view name;
  int64_t block_elements, block_bytes;
};
const GgmlLayout* find_ggml_layout(uint32_t id);  // null: not one that this program reads
const GgmlLayout& layout_of(GgmlType type);
std::string ggml_type_names();  // "F32, F16, ...", for messages

}  // namespace ropeway
