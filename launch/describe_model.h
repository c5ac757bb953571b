// What `ropeway inspect` prints of models: shape and what is special about it, weights, the RoPE that other
// programs see, and every factor set with its history.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// A model directory; of its tensors one by one only on demand.
std::string describe_model(const std::filesystem::path& path, bool lists_tensors);
// An export for several windows: a line for each of its directories.
std::string describe_deployments(const std::filesystem::path& path,
                                 const std::vector<std::filesystem::path>& folders);

// The shape, two lines.
std::string describe_config(const ModelConfig& config);
// `weights`: the name of those the sets lie with, where there is one.
std::string describe_sets(const std::vector<FactorSet>& sets, const std::string& weights = "");
std::string describe_tensors(const std::vector<const SafetensorsFile*>& files, bool lists_them);
std::string short_hash(const std::string& hash);  // "-" for none

}  // namespace ropeway
