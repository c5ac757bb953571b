#include "trainer/config/dtype_words.h"

namespace ropeway {

std::optional<DType> dtype_of_word(std::string_view word) {
  if (word == "f32") return DType::kF32;
  if (word == "f16") return DType::kF16;
  if (word == "f64") return DType::kF64;
  return value_of<DType>(word);
}

}  // namespace ropeway
