// The models of family_cases.h as directories: random weights that make attention, norms and gates matter.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "tests/parity/family_cases.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/weight_files.h"

namespace ropeway::testing {

// config.json has one attention factor for both lists.
inline FactorSet factor_set(const FamilyCase& c, const char* name, int64_t length, double highest) {
  const ModelConfig& config = c.config;
  FactorSet set;
  set.name = name;
  set.max_length = length;
  set.original_length = kWindow;
  set.rope_theta = config.rope_theta;
  const int64_t pairs = config.rotary_pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    set.factors.push_back(std::pow(highest, static_cast<double>(i + 1) / static_cast<double>(pairs)));
  }
  set.attention_temperature =
      c.formula_temperature ? attention_temperature(TemperatureFormula::kSu, 8, kWindow) : 1.17;
  return set;
}

// Attention far from uniform, norms and biases that matter.
inline void randomize(ResidentParameters& store, const ModelConfig& config) {
  initialize_weights(store, config, 11);
  uint64_t index = 0;
  for (const NamedShape& named : store.names()) {
    at::Tensor weight = store.weight(named.name);
    if (named.shape.size() > 1) {
      weight.mul_(5);
      continue;
    }
    Philox draws(12, Stream::kInit, ++index);
    for (int64_t i = 0; i < weight.numel(); ++i) {
      weight.data_ptr<float>()[i] += static_cast<float>(0.3 * draws.normal());
    }
  }
}

inline void write_sharded(const std::filesystem::path& folder, const ResidentParameters& store, DType dtype,
                          at::ScalarType type) {
  std::vector<at::Tensor> kept;
  std::vector<TensorToWrite> shards[2];
  nlohmann::json map;
  for (size_t i = 0; i < store.names().size(); ++i) {
    const NamedShape& named = store.names()[i];
    kept.push_back(store.weight(named.name).to(type).contiguous());
    shards[i % 2].push_back({named.name, dtype, named.shape, kept.back().const_data_ptr()});
    map[named.name] = fmt::format("model-{:05}-of-00002.safetensors", i % 2 + 1);
  }
  for (int n = 0; n < 2; ++n) {
    write_safetensors(folder / fmt::format("model-{:05}-of-00002.safetensors", n + 1), shards[n]);
  }
  write_file_atomically(folder / "model.safetensors.index.json",
                        nlohmann::json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump());
}

inline void write_model(const std::filesystem::path& folder, const FamilyCase& c) {
  ResidentParameters store(c.config, at::kFloat);
  randomize(store, c.config);
  std::vector<FactorSet> sets;
  if (c.longrope) {
    sets = {factor_set(c, "short", kWindow, 1.6), factor_set(c, "long", 8 * kWindow, 11)};
  }
  save_model_dir(folder, c.config, sets, tensors_to_write(store.weights_on_host(true)), {});
  std::filesystem::remove(folder / "rope_factors.json");  // config.json must be enough
  if (!c.rope_block.empty()) {
    auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
    json.erase("rope_scaling");
    json.erase("rope_parameters");
    json[c.rope_key] = nlohmann::json::parse(c.rope_block);
    json["max_position_embeddings"] = c.max_positions;
    write_file_atomically(folder / "config.json", json.dump());
  }
  if (c.storage == Storage::kFloat) return;
  std::filesystem::remove(folder / "model.safetensors");
  const bool half = c.storage == Storage::kShardedHalf;
  write_sharded(folder, store, half ? DType::kF16 : DType::kBF16, half ? at::kHalf : at::kBFloat16);
}

}  // namespace ropeway::testing
