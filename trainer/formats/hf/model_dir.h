// A model directory in Hugging Face layout: config.json, model.safetensors (or shards with an index),
// tokenizer files, and rope_factors.json with every factor set. The sets of rope_factors.json win over
// config.json's two.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct ModelDir {
  std::filesystem::path path;
  ModelConfig config;
  std::vector<FactorSet> sets;
  std::string weights;  // their name, where rope_factors.json gives them one (weights_name.h)
  std::vector<SafetensorsFile> shards;

  // Shard that holds the tensor; throws kBadData naming directory and tensor.
  const SafetensorsFile& shard_of(const std::string& tensor) const;
  // Element type of the embedding, which is what config.json calls the model's.
  DType dtype() const;
};
// Where a model directory was wanted: a GGUF file, or a folder whose model is in one.
class GgufNotImported : public Error {
 public:
  // model: what was named as the model, `file` itself or its folder.
  GgufNotImported(const std::filesystem::path& model, const std::filesystem::path& file)
      : Error(
            ErrorKind::kBadData,
            model == file
                ? fmt::format("{}: is a GGUF file, wanted a model directory", file.string())
                : fmt::format("{}: holds no model in Hugging Face layout (config.json and safetensors), but "
                              "one in {}",
                              model.string(), file.filename().string())),
        file_(file) {}
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
};

// Throws GgufNotImported where `model` is a GGUF file, or a folder without a config.json that holds one.
void require_no_gguf(const std::filesystem::path& model);

// What a directory says of its model without its weights: config.json, and the factor sets of
// rope_factors.json, or of config.json where there is none.
struct ConfigAndSets {
  ModelConfig config;
  std::vector<FactorSet> sets;
  std::string weights = {};  // as in ModelDir
};
ConfigAndSets read_config_and_sets(const std::filesystem::path& path);

// Whether the head is tied as the weights of the directory say (tied_head.h), where these are there; without
// them config.json's word stands. Reads headers, and the two matrices where both are stored.
void take_tie_of_weights(const std::filesystem::path& path, ModelConfig& config);

// Checks names and shapes of all weights against the config; lists what is missing or unexpected (at most
// ten, and the count). A head that config.json ties is as the weights say (tied_head.h). Weights only in
// .bin or .pt: refused with the way to convert; in .gguf: GgufNotImported.
ModelDir open_model_dir(const std::filesystem::path& path);
// The same with all weights in the file of this name, as a training checkpoint has them.
ModelDir open_model_dir(const std::filesystem::path& path, const std::string& weights_file);

}  // namespace ropeway
