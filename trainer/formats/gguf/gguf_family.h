// What single families have beside Llama's keys, in GGUF's words. llama.cpp knows some of it by the
// architecture alone: which layers of SmolLM3 have no RoPE, that Gemma 2 has soft caps and Gemma 3 none of
// scores, and how Gemma scales its scores. Source: llama.cpp's src/models/{smollm3,gemma2,gemma3,glm4}.cpp and
// conversion/{base,llama,gemma,glm}.py of 2026. Inside this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/gguf/gguf_writer.h"

namespace ropeway {

// Adds them to the config.json that is made of the metadata. prefix: "granite.".
void read_gguf_family_keys(const GgufFile& file, const std::string& prefix, const Family& family,
                           nlohmann::ordered_json& json);

// Throws kBadData, starting with `where`, for a model that is not what llama.cpp takes for its architecture.
void require_gguf_family(const ModelConfig& config, const std::string& where);
void add_gguf_family_keys(const ModelConfig& config, const std::string& prefix, GgufMetadata& metadata);

}  // namespace ropeway
