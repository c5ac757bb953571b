// Element types as recipes and command lines write them: fp32, bf16, fp64, fp16. (Safetensors headers have
// words of their own: name_of in kernels/base/dtype.h.)
#pragma once

#include <optional>
#include <string_view>

#include "kernels/base/dtype.h"
#include "trainer/config/choices.h"

namespace ropeway {

template <>
struct ChoiceTable<DType> {
  static constexpr Choice<DType> choices[] = {
      {DType::kF32, "fp32"}, {DType::kBF16, "bf16"}, {DType::kF64, "fp64"}, {DType::kF16, "fp16"}};
};

// For command lines, which take f32, f16 and f64 as well.
std::optional<DType> dtype_of_word(std::string_view word);

}  // namespace ropeway
