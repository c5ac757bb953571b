#include "tests/fuzz/targets.h"

namespace ropeway::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"safetensors_header", safetensors_header},
      {"safetensors_file", safetensors_file},
      {"hf_config", hf_config},
      {"tokenizer", tokenizer},
      {"gguf", gguf},
      {"npy", npy},
      {"megatron_index", megatron_index},
      {"json_lines", json_lines},
      {"text_file", text_file},
      {"recipe", recipe},
      {"manifest", manifest},
      {"factor_file", factor_file},
  };
  return all;
}

}  // namespace ropeway::fuzz
