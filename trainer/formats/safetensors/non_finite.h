// Weights that are not finite: NaN or infinite. A model with one of them computes nothing but NaN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

// How many of `count` elements, at any address, are not finite; 0 for integers.
int64_t count_non_finite(const void* elements, DType dtype, int64_t count);

struct NonFiniteTensor {
  std::string name;
  int64_t count = 0;
};
// The tensors that have some, in their order. Reads all of the weights.
std::vector<NonFiniteTensor> find_non_finite(const std::vector<TensorStream>& tensors);
// "NAME: 3 values, ..." of at most ten, and how many there are in all; "" for none.
std::string describe_non_finite(const std::vector<NonFiniteTensor>& tensors);

}  // namespace ropeway
