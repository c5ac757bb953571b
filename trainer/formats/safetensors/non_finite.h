// Weights that are not finite: NaN or infinite. A model with one of them computes nothing but NaN.
#pragma once

#include <cstdint>
#include <memory>
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

// Tensors that count while they are read, so that whoever writes them need not read them twice.
class CountedTensors {
 public:
  explicit CountedTensors(const std::vector<TensorStream>& tensors);
  const std::vector<TensorStream>& tensors() const { return tensors_; }
  // Those with some, in their order, of what has been read so far.
  std::vector<NonFiniteTensor> non_finite() const;

 private:
  std::vector<TensorStream> tensors_;
  std::shared_ptr<std::vector<int64_t>> counts_;  // of each tensor when it was last read
};
// The tensors that have some, in their order. Reads all of the weights.
std::vector<NonFiniteTensor> find_non_finite(const std::vector<TensorStream>& tensors);
// "NAME: 3 values, ..." of at most ten, and how many there are in all; "" for none.
std::string describe_non_finite(const std::vector<NonFiniteTensor>& tensors);

}  // namespace ropeway
