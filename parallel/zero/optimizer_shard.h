// What one rank's optimizer works on: its pieces of the flat parameters, and what the ranks exchange around
// an update. The stages of ZeRO (Rajbhandari et al., 2020) differ in this alone; the update is the same
// (sharded_adamw.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "parallel/zero/flat_ranges.h"

namespace ropeway {

class OptimizerShard {
 public:
  virtual ~OptimizerShard() = default;

  virtual int64_t total() const = 0;  // elements of the whole flat array
  // This rank's, ascending: the ranks' pieces cover the flat array, and none is in two. Arrays of this rank's
  // share hold them one behind the other.
  virtual const std::vector<FlatRange>& pieces() const = 0;
  virtual const FlatRanges& decayed() const = 0;  // of the flat array: where weight decay applies

  virtual at::Tensor weights(size_t piece) = 0;  // flat; the update writes here
  // The memory of all of them as one array, for masters that are the weights themselves; undefined where they
  // lie apart.
  virtual at::Tensor weights_as_one() = 0;
  virtual at::Tensor gradients() = 0;  // of the share, acc type

  // Collective. From here on gradients() is the sum over ranks. Returns its norm over the whole flat array,
  // the same bits on every rank.
  virtual double sum_gradients() = 0;
  // All that this rank holds of them, in its pieces or not.
  virtual void zero_gradients() = 0;
  // Collective, after weights() were written: whoever holds copies of other ranks' pieces gets the new ones.
  virtual void spread_weights() = 0;
};

}  // namespace ropeway
