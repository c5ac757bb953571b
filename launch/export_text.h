// What the verbs that move models say and read in the same words.
#pragma once

#include <string>

#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

std::string size_text(int64_t bytes);            // "269.1 MB"
std::string dtypes_text(const ModelDir& model);  // of the weights: "BF16", "BF16 and F32"
std::string model_line(const ModelDir& model);   // family, size, window and sets of a model, in one line

}  // namespace ropeway
