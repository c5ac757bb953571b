#include "trainer/formats/gguf/ggml_type.h"

#include <array>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr std::array kLayouts = {
    GgmlLayout{GgmlType::kF32, "F32", 1, 4},       GgmlLayout{GgmlType::kF16, "F16", 1, 2},
    GgmlLayout{GgmlType::kBF16, "BF16", 1, 2},     GgmlLayout{GgmlType::kQ4_0, "Q4_0", 32, 18},
    GgmlLayout{GgmlType::kQ4_1, "Q4_1", 32, 20},   GgmlLayout{GgmlType::kQ5_0, "Q5_0", 32, 22},
    GgmlLayout{GgmlType::kQ5_1, "Q5_1", 32, 24},   GgmlLayout{GgmlType::kQ8_0, "Q8_0", 32, 34},
    GgmlLayout{GgmlType::kQ4_K, "Q4_K", 256, 144}, GgmlLayout{GgmlType::kQ5_K, "Q5_K", 256, 176},
    GgmlLayout{GgmlType::kQ6_K, "Q6_K", 256, 210},
};

}  // namespace

const GgmlLayout* find_ggml_layout(uint32_t id) {
  for (const GgmlLayout& layout : kLayouts) {
    if (static_cast<uint32_t>(layout.type) == id) return &layout;
  }
  return nullptr;
}

const GgmlLayout& layout_of(GgmlType type) {
  const GgmlLayout* layout = find_ggml_layout(static_cast<uint32_t>(type));
  ROPEWAY_CHECK(layout != nullptr, "ggml type {}", static_cast<uint32_t>(type));
  return *layout;
}

std::string ggml_type_names() {
  std::string names;
  for (const GgmlLayout& layout : kLayouts) {
    names += names.empty() ? "" : ", ";
    names += layout.name;
  }
  return names;
}

}  // namespace ropeway
