// Weights on their way between files and a parameter store.
#pragma once

#include <vector>

#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/model/parameter_store.h"

namespace ropeway {

struct ModelDir;

// Fills the store with the directory's weights, converted to the store's type. Throws kBadData naming file
// and weight where a shape or type is not what the model has, kNumerics where a weight is not finite.
// Collective where the store is.
void load_weights(ParameterStore& store, const ModelDir& dir);

// The same weights as a writer of files takes them: the entries point into the tensors' memory. F64, F32 or
// BF16, contiguous and in host memory.
std::vector<TensorToWrite> tensors_to_write(const std::vector<NamedTensor>& weights);

}  // namespace ropeway
