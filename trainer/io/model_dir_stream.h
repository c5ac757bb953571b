// A model directory whose weights are made while they are written: models that come out of another format
// need no more memory than a piece of a tensor.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "trainer/io/model_dir.h"
#include "trainer/io/safetensors_writer.h"

namespace ropeway {

struct StreamedModel {
  const ModelConfig& config;
  const std::vector<FactorSet>& sets;  // the longest one in force in config.json
  const std::vector<TensorStream>& weights;
  const std::map<std::string, std::string>& files;  // tokenizer and the like: name -> content
};
// As save_model_dir(); the weights are in shards where they are large, and are made a second time and
// compared with the files before the directory gets its name.
void stream_model_dir(const std::filesystem::path& path, const StreamedModel& model, bool replace);

}  // namespace ropeway
