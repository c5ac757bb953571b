// The name that tells a model's weights from others, so that a factor set can say which ones it is for. Given
// when weights are made or first worked on, and kept in rope_factors.json from then on: it stays the same
// when the weights are stored in another type, split into shards or moved.
//
// A name is a hash of a sample of the content, 16 hex digits, behind the stage that made the weights:
// "tune@3f9a...". The sample is the middle 4,096 bytes of each tensor: a step of training changes some of
// them, and naming 14 GB takes 300 reads.
#pragma once

#include <string>
#include <vector>

#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

struct ModelDir;

// The name that the directory gives its weights, or that of their content.
std::string name_of_weights(const ModelDir& model);
// Of weights that a stage has made.
std::string name_of_weights(const std::string& stage, const std::vector<TensorToWrite>& weights);

}  // namespace ropeway
