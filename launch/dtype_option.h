// --dtype of the verbs that have it.
#pragma once

#include <string>
#include <vector>

#include "kernels/base/dtype.h"

namespace ropeway {

// `word` as one of the types that a verb takes: fp32, fp16, bf16, fp64; f32, f16 and f64 mean the same. Throws
// kUsage naming the words of `accepted`, and `others` that the verb reads by itself.
DType read_dtype_option(const std::string& word, const std::vector<DType>& accepted,
                        const std::vector<std::string>& others = {});

}  // namespace ropeway
