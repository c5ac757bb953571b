// A model as one GGUF file for llama.cpp and what is built on it. Its two factor lists are one deployment of
// export_factors.h: rope_factors_short.weight acts while the context that llama.cpp allocates is at most the
// original window, rope_factors_long.weight on every token of a longer one. The one list a llama was trained
// under at every length (llama3) is rope_freqs.weight. All other sets, and what GGUF has no key for, go along
// under ropeway.* and come back on import.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "trainer/formats/gguf/ggml_type.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

struct GgufExport {
  const ModelDir& model;
  std::string name{};                      // what programs show of the model (general.name); "": its folder's
  std::filesystem::path tokenizer_folder;  // its tokenizer.json and tokenizer_config.json; "": none
  std::map<std::string, std::string> files;  // instead of that folder's: name -> content
  ExportFactors factors;
  GgmlType type = GgmlType::kBF16;  // of the matrices: F32, F16, BF16 or Q8_0; vectors are F32
  bool replace = false;             // an existing .gguf file
};
// Written beside the target, read back and compared, then renamed. Throws kBadData for what GGUF cannot hold,
// kCannotCreate, kIo; then nothing has the target's name.
void export_gguf(const GgufExport& what, const std::filesystem::path& target);

}  // namespace ropeway
