// Tensors of which each rank has a part, on their way into a file that one of them writes.
#pragma once

#include <vector>

#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

class GatheredTensors {
 public:
  virtual ~GatheredTensors() = default;
  // For the rank that writes: each is produced once, in the order in which stream_safetensors() asks for
  // them, and takes the other ranks' parts as it is.
  virtual std::vector<TensorStream> streams() = 0;
  // On every rank, once nothing more is produced: the exchanges that are left, so that all ranks come to the
  // end together, even if the writing failed.
  virtual void finish() = 0;
};

}  // namespace ropeway
