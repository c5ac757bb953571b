#include "trainer/plan/known_models.h"

#include "kernels/base/error.h"
#include "trainer/config/nearest_word.h"
#include "trainer/family/families.h"

namespace ropeway {
namespace {

constexpr std::string_view kLlama2 = "Llama 2 Community", kLlama3 = "Llama 3 Community",
                           kApache = "Apache-2.0";

// From the config.json of each; tests compare the parameters that follow with the published counts.
std::vector<KnownModel> make_models() {
  return {
      {"llama2_7b", "meta-llama/Llama-2-7b-hf", kLlama2, true, "llama", 32000, 4096, 11008, 32, 32, 32, 128,
       4096},
      {"llama2_13b", "meta-llama/Llama-2-13b-hf", kLlama2, true, "llama", 32000, 5120, 13824, 40, 40, 40, 128,
       4096},
      {"llama2_70b", "meta-llama/Llama-2-70b-hf", kLlama2, true, "llama", 32000, 8192, 28672, 80, 64, 8, 128,
       4096},
      {"llama3_8b", "meta-llama/Meta-Llama-3-8B", kLlama3, true, "llama", 128256, 4096, 14336, 32, 32, 8, 128,
       8192, 5e5},
      {"llama3_1_8b", "meta-llama/Llama-3.1-8B", "Llama 3.1 Community", true, "llama", 128256, 4096, 14336,
       32, 32, 8, 128, 8192, 5e5},
      {"llama3_2_1b", "meta-llama/Llama-3.2-1B", "Llama 3.2 Community", true, "llama", 128256, 2048, 8192, 16,
       32, 8, 64, 8192, 5e5, true},
      {"llama3_2_3b", "meta-llama/Llama-3.2-3B", "Llama 3.2 Community", true, "llama", 128256, 3072, 8192, 28,
       24, 8, 128, 8192, 5e5, true},
      {"tinyllama_1_1b", "TinyLlama/TinyLlama_v1.1", kApache, false, "llama", 32000, 2048, 5632, 22, 32, 4,
       64, 2048},
      {"mistral_7b", "mistralai/Mistral-7B-v0.1", kApache, false, "mistral", 32000, 4096, 14336, 32, 32, 8,
       128, 4096, 1e4, false, 4096},
      {"phi3_mini_4k", "microsoft/Phi-3-mini-4k-instruct", "MIT", false, "phi3", 32064, 3072, 8192, 32, 32,
       32, 96, 2047, 1e4, false, 2047},
      {"qwen2_5_0_5b", "Qwen/Qwen2.5-0.5B", kApache, false, "qwen2", 151936, 896, 4864, 24, 14, 2, 64, 32768,
       1e6, true},
      {"qwen2_5_1_5b", "Qwen/Qwen2.5-1.5B", kApache, false, "qwen2", 151936, 1536, 8960, 28, 12, 2, 128,
       32768, 1e6, true},
      {"qwen2_5_7b", "Qwen/Qwen2.5-7B", kApache, false, "qwen2", 152064, 3584, 18944, 28, 28, 4, 128, 32768,
       1e6},
      {"qwen3_0_6b", "Qwen/Qwen3-0.6B-Base", kApache, false, "qwen3", 151936, 1024, 3072, 28, 16, 8, 128,
       32768, 1e6, true},
      {"qwen3_4b", "Qwen/Qwen3-4B-Base", kApache, false, "qwen3", 151936, 2560, 9728, 36, 32, 8, 128, 32768,
       1e6, true},
      {"qwen3_8b", "Qwen/Qwen3-8B-Base", kApache, false, "qwen3", 151936, 4096, 12288, 36, 32, 8, 128, 32768,
       1e6},
      {"smollm2_135m", "HuggingFaceTB/SmolLM2-135M", kApache, false, "llama", 49152, 576, 1536, 30, 9, 3, 64,
       8192, 1e5, true},
      {"smollm2_360m", "HuggingFaceTB/SmolLM2-360M", kApache, false, "llama", 49152, 960, 2560, 32, 15, 5, 64,
       8192, 1e5, true},
      {"smollm2_1_7b", "HuggingFaceTB/SmolLM2-1.7B", kApache, false, "llama", 49152, 2048, 8192, 24, 32, 32,
       64, 8192, 1.3e5, true},
  };
}

// Lower-case letters and digits alone.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

std::string_view last_part(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

const std::vector<KnownModel>& known_models() {
  static const std::vector<KnownModel> models = make_models();
  return models;
}

const KnownModel* find_known_model(std::string_view name) {
  const std::string wanted = plain(last_part(name));
  for (const KnownModel& model : known_models()) {
    if (wanted == plain(model.name) || wanted == plain(last_part(model.hub_name))) return &model;
  }
  return nullptr;
}

const KnownModel& known_model(const std::string& name) {
  if (const KnownModel* found = find_known_model(name)) return *found;
  std::vector<std::string> names;
  for (const KnownModel& model : known_models()) names.emplace_back(model.name);
  const std::string nearest = nearest_word(name, names);
  fail(ErrorKind::kUsage, "'{}': no such model is known; {}", name,
       nearest.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                       : fmt::format("did you mean {}?", nearest));
}

ModelConfig config_of(const KnownModel& model) {
  ModelConfig config;
  take_traits(family_of(model.model_type), config);
  config.model_type = model.model_type;
  config.qkv_bias = family_of(model.model_type).qkv_bias;
  config.vocab_size = model.vocab_size;
  config.hidden_size = model.hidden_size;
  config.intermediate_size = model.intermediate_size;
  config.num_layers = model.num_layers;
  config.num_heads = model.num_heads;
  config.num_kv_heads = model.num_kv_heads;
  config.head_dim = model.head_dim;
  config.original_window = model.window;
  config.rope_theta = model.rope_theta;
  config.tie_word_embeddings = model.tied_head;
  config.sliding_window = model.sliding_window;
  return config;
}

}  // namespace ropeway
