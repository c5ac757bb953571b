// What an optimizer is given of a model's parameters: flat arrays, whatever the weights in them are called.
#pragma once

#include <ATen/core/Tensor.h>

#include "parallel/zero/flat_ranges.h"

namespace ropeway {

struct FlatParameters {
  at::Tensor weights;    // flat
  at::Tensor gradients;  // flat, acc type, as many as weights
  FlatRanges decayed;    // of the weights: where weight decay applies
};

}  // namespace ropeway
