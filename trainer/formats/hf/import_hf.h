// A Hugging Face directory as a model directory of this program: the same layout, checked completely, with
// rope_factors.json beside it. Nothing of it is executed. Everything that describes the model is kept as it
// was; code and weights in other formats are left behind (companion_files.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/formats/hf/file_transfer.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/non_finite.h"

namespace ropeway {

struct ImportOptions {
  Transfer transfer = Transfer::kCopy;
  std::optional<DType> dtype{};  // the weights are rewritten as this type; none: as they are
  bool replace = false;          // see require_replaceable_model()
  bool finite_only = false;      // refuse weights that are not finite
};
struct ImportResult {
  TransferCounts files;                  // all 0 when the weights were rewritten
  std::vector<std::string> left_behind;  // names in the source
  std::vector<NonFiniteTensor> non_finite;
};
// A config.json that ties a head which the weights do not says so no longer. Throws kMissingInput, kBadData
// (what open_model_dir() finds, and weights that are not finite where they are refused), kCannotCreate, kIo;
// then nothing is written.
ImportResult import_hf_dir(const std::filesystem::path& source, const std::filesystem::path& target,
                           const ImportOptions& options);

}  // namespace ropeway
