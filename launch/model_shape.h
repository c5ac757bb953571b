// The shape of a model whose folder is not at hand.
#pragma once

#include <optional>
#include <string>

#include "trainer/family/model_config.h"

namespace ropeway {

// `text`: the name of a known model ("llama2_7b", or its name on the hub), a folder with a config.json, or
// "hidden_size=4096,num_layers=32,..." with the keys of model.architecture. Throws kUsage.
ModelConfig shape_of(const std::string& text);

}  // namespace ropeway
