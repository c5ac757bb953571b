// --dtype of the verbs that have it.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/config/engine_recipe.h"

namespace ropeway {

// `word` as one of the types that a verb takes: fp32, fp16, bf16, fp64; f32, f16 and f64 mean the same. Throws
// kUsage naming the words of `accepted`, and `others` that the verb reads by itself.
DType read_dtype_option(const std::string& word, const std::vector<DType>& accepted,
                        const std::vector<std::string>& others = {});

// That of a verb that computes on the device: BF16 on GPUs, where attention knows no other, else F32, F64 or
// BF16; where it is not given BF16 on GPUs, else F32. Throws kUsage.
DType read_compute_dtype(const boost::program_options::variables_map& values, DeviceKind device);

}  // namespace ropeway
