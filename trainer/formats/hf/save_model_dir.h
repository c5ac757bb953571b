// Writes model directories, whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// Writes config.json, rope_factors.json, model.safetensors and the small files of `copy_small_files_from`
// (tokenizer, generation config, ...; its model card as README.base.md) into a temporary folder beside `path`, then renames it. Replaces an
// existing directory only when `replace` is set. `in_force`: name of the set config.json's longrope
// long_factor gets; "" = the longest one that is for these weights. `weights_name`: weights_name.h.
struct SaveModelOptions {
  std::filesystem::path copy_small_files_from;
  std::string in_force;
  bool replace = false;
  std::string weights_name = {};
  std::map<std::string, std::string> files = {};  // more small files, before those copied: name -> content
};
void save_model_dir(const std::filesystem::path& path, const ModelConfig& config,
                    const std::vector<FactorSet>& sets, const std::vector<TensorToWrite>& weights,
                    const SaveModelOptions& options);
// The same with the weights of another directory as they are: its files get a second name where the file
// system can do that, so that publishing a model anew does not write its weights again.
void save_model_dir(const std::filesystem::path& path, const ModelConfig& config,
                    const std::vector<FactorSet>& sets, const ModelDir& weights,
                    const SaveModelOptions& options);

// Everything that save_model_dir() writes beside the weights, of type `dtype`: name -> content.
std::map<std::string, std::string> model_files(const ModelConfig& config, const std::vector<FactorSet>& sets,
                                               DType dtype, const SaveModelOptions& options);

// A model whose weights are made while they are written: one that comes out of another format needs no more
// memory than a piece of a tensor.
struct StreamedModel {
  const ModelConfig& config;
  const std::vector<FactorSet>& sets;  // the longest one in force in config.json
  const std::vector<TensorStream>& weights;
  const std::map<std::string, std::string>& files;  // tokenizer and the like: name -> content
  std::string weights_name = {};
  std::function<void()> accept = {};  // called once the weights are written; what it throws undoes all
};
// As save_model_dir(); the weights are in shards where they are large, and are made a second time and
// compared with the files before the directory gets its name.
void stream_model_dir(const std::filesystem::path& path, const StreamedModel& model, bool replace);

}  // namespace ropeway
