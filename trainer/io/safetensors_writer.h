// The stream behind write_safetensors(), for callers that place and hash the file themselves (checkpoints).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trainer/io/output_file.h"
#include "trainer/io/safetensors.h"

namespace ropeway {

// Header and data, widest elements first and then by name, so that every tensor is aligned to its element
// size.
void stream_safetensors(OutputFile& file, const std::vector<TensorToWrite>& tensors,
                        std::map<std::string, std::string> metadata);

}  // namespace ropeway
