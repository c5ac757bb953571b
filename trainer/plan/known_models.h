// Models that many start from: their shapes, for plans without the model's folder, and where they come from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/family/model_config.h"

namespace ropeway {

struct KnownModel {
  std::string_view name;      // as a folder is called here: "llama2_7b"
  std::string_view hub_name;  // on the Hugging Face hub: "meta-llama/Llama-2-7b-hf"
  std::string_view licence;
  bool gated = false;  // its licence has to be accepted on the hub first
  std::string_view model_type = "llama";
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0, num_layers = 0, num_heads = 0,
          num_kv_heads = 0, head_dim = 0;
  int64_t window = 0;  // trained at
  double rope_theta = 10000;
  bool tied_head = false;
  int64_t sliding_window = 0;
};

const std::vector<KnownModel>& known_models();

// By its name here, its name on the hub, or a folder called like one of the two, in any case and with any signs
// between letters and digits: "models/Llama-2-7b-hf". Null: none of them.
const KnownModel* find_known_model(std::string_view name);
// Throws kUsage with the nearest name.
const KnownModel& known_model(const std::string& name);

ModelConfig config_of(const KnownModel& model);

}  // namespace ropeway
