// A model directory in Hugging Face layout: config.json, model.safetensors (or shards with an index),
// tokenizer files, and rope_factors.json with every factor set. The sets of rope_factors.json win over
// config.json's two.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trainer/io/model_config.h"
#include "trainer/io/safetensors.h"

namespace ropeway {

struct ModelDir {
  std::filesystem::path path;
  ModelConfig config;
  std::vector<FactorSet> sets;
  std::vector<SafetensorsFile> shards;

  // Shard that holds the tensor; throws kBadData naming directory and tensor.
  const SafetensorsFile& shard_of(const std::string& tensor) const;
  // Element type of the embedding, which is what config.json calls the model's.
  DType dtype() const;
};
// Checks names and shapes of all weights against the config; lists what is missing or unexpected (at most
// ten, and the count). `expected` maps name -> shape. Weights only in .bin/.pt: refused with the way to
// convert.
ModelDir open_model_dir(const std::filesystem::path& path);

// Names and shapes of a model's weights: "model.embed_tokens.weight",
// "model.layers.3.self_attn.q_proj.weight", ...
struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};
// Throws kBadData for a model type that is no row of families.h.
std::vector<NamedShape> weight_names(const ModelConfig& config);

// Writes config.json, rope_factors.json, model.safetensors and the small files of `copy_small_files_from`
// (tokenizer, generation config, ...) into a temporary folder beside `path`, then renames it. Replaces an
// existing directory only when `replace` is set. `in_force`: name of the set config.json's longrope
// long_factor gets; "" = the longest one.
struct SaveModelOptions {
  std::filesystem::path copy_small_files_from;
  std::string in_force;
  bool replace = false;
};
void save_model_dir(const std::filesystem::path& path, const ModelConfig& config,
                    const std::vector<FactorSet>& sets, const std::vector<TensorToWrite>& weights,
                    const SaveModelOptions& options);
// The same with the weights of another directory as they are: its files get a second name where the file
// system can do that, so that publishing a model anew does not write its weights again.
void save_model_dir(const std::filesystem::path& path, const ModelConfig& config,
                    const std::vector<FactorSet>& sets, const ModelDir& weights,
                    const SaveModelOptions& options);

}  // namespace ropeway
