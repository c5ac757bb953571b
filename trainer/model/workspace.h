// Memory that is used again by every tile, block and step: a flat buffer that grows to the largest shape
// asked for.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace ropeway {

class Buffer {
 public:
  // Contiguous, content undefined; valid until the next call.
  at::Tensor shaped(at::IntArrayRef sizes, at::TensorOptions options) {
    const int64_t count = c10::multiply_integers(sizes);
    if (!flat_.defined() || flat_.numel() < count || flat_.scalar_type() != options.dtype().toScalarType()) {
      flat_ = at::Tensor();  // the old one is freed before the new one is made
      flat_ = at::empty({count}, options);
    }
    return flat_.narrow(0, 0, count).view(sizes);
  }

 private:
  at::Tensor flat_;
};

}  // namespace ropeway
