// A GGUF file as a model directory in Hugging Face layout. Weights go from the mapped file to the shards row
// by row: memory does not grow with the model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/safetensors/non_finite.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

struct GgufImportOptions {
  DType dtype = DType::kBF16;  // of the weights: F32, F16 or BF16
  bool replace = false;        // see require_replaceable_model()
  bool finite_only = false;    // refuse weights that are not finite
};
struct GgufImportResult {
  std::string types;  // gguf_types()
  bool has_tokenizer = false;
  std::vector<NonFiniteTensor> non_finite;
};
// config.json, rope_factors.json, weights, tokenizer and generation settings; the tokenizer is one that this
// program reads. Throws kMissingInput, kBadData, kCannotCreate, kIo; then nothing is written.
GgufImportResult import_gguf(const std::filesystem::path& source, const std::filesystem::path& target,
                             const GgufImportOptions& options);

// How many tensors of which type: "210 Q4_1, 61 F32, 1 Q8_0".
std::string gguf_types(const GgufFile& file);

// The model's weights under their Hugging Face names, with the rows of q and k in Hugging Face's order. The
// streams refer to the file. Throws kBadData listing what is missing, misshapen or unexpected.
std::vector<TensorStream> gguf_weight_streams(const GgufFile& file, const ModelConfig& config, DType dtype);

}  // namespace ropeway
