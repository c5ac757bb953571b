// Reads config.json of a Hugging Face directory.
#pragma once

#include <filesystem>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/files/strict_json.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// What a config.json says: the shape, and the factor sets its rope_scaling / rope_parameters hold (longrope:
// the set "short" when it is not the identity, and "long"; linear, yarn: one computed set under two names;
// llama3: the set "llama3"; default: none).
struct ParsedConfig {
  ModelConfig config;
  std::vector<FactorSet> sets;
  std::string weights = {};  // their name, where the file has one (a GGUF file's own key)
};
// Throws kMissingInput / kBadData naming the file, the JSON path, what was found and what was wanted.
ParsedConfig read_hf_config(const std::filesystem::path& config_json);
// The same for a config.json in memory; errors name the document's place.
ParsedConfig parse_hf_config(const JsonValue& config_json);

}  // namespace ropeway
