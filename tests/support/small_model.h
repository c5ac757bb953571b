// A model of a few hundred weights: its shape, factor sets, and random values.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

inline ModelConfig small_config(bool tied = false) { return make_config({.tied = tied}); }

inline FactorSet make_set(const std::string& name, int64_t max_length, double factor) {
  const double scale = static_cast<double>(max_length) / 256;
  return make_factor_set({.name = name,
                          .max_length = max_length,
                          .factors = {1, factor},
                          .temperature = attention_temperature(TemperatureFormula::kSu, scale, 256)});
}

// Random weights for a config, which can be changed before they are written.
struct Weights {
  std::vector<NamedShape> names;
  std::vector<std::vector<float>> values;

  explicit Weights(const ModelConfig& config) : names(weight_names(config)) {
    Philox random(1, Stream::kInit);
    for (const NamedShape& name : names) {
      int64_t count = 1;
      for (const int64_t dim : name.shape) count *= dim;
      values.emplace_back(count);
      for (float& value : values.back()) value = static_cast<float>(random.normal());
    }
  }
  std::vector<TensorToWrite> tensors() const {
    std::vector<TensorToWrite> tensors;
    for (size_t i = 0; i < names.size(); ++i) {
      tensors.push_back({names[i].name, DType::kF32, names[i].shape, values[i].data()});
    }
    return tensors;
  }
};

}  // namespace ropeway
