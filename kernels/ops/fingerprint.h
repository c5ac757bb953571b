// A number that changes with any bit of a tensor: to compare the copies of weights that ranks hold, at the speed of
// memory. No protection against intent.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace ropeway::ops {

// flat: contiguous, of any type, in host memory or on a GPU, whose numbers differ from the host's. A change of one
// element always changes it; others go unnoticed once in 2^64.
uint64_t fingerprint(const at::Tensor& flat);
uint64_t fingerprint(std::span<const std::byte> bytes);

}  // namespace ropeway::ops
