// What the verbs that move models say and read in the same words.
#pragma once

#include <optional>
#include <string>

#include "kernels/base/dtype.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

// --dtype of import and export: bf16, f16, f32; none for "". Throws kUsage.
std::optional<DType> export_dtype(const std::string& name);

std::string size_text(int64_t bytes);            // "269.1 MB"
std::string dtypes_text(const ModelDir& model);  // of the weights: "BF16", "BF16 and F32"
std::string model_line(const ModelDir& model);   // family, size, window and sets of a model, in one line

}  // namespace ropeway
