#include "trainer/formats/hf/import_hf.h"

#include "kernels/base/error.h"
#include "trainer/files/fault_point.h"
#include "trainer/files/files.h"
#include "trainer/files/staged_folder.h"
#include "trainer/formats/hf/companion_files.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_edit.h"
#include "trainer/formats/hf/weight_shards.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {

namespace fs = std::filesystem;

namespace {

void require_finite(const std::vector<NonFiniteTensor>& found, const ImportOptions& options,
                    const fs::path& source) {
  if (!options.finite_only || found.empty()) return;
  fail(ErrorKind::kBadData, "{}: weights are NaN or infinite: {}", source.string(),
       describe_non_finite(found));
}

}  // namespace

ImportResult import_hf_dir(const fs::path& source, const fs::path& target, const ImportOptions& options) {
  const ModelDir model = open_model_dir(source);
  require_bounded_settings(source);
  require_replaceable_model(target, options.replace);
  require_apart(source, target);
  const CountedTensors weights(weight_streams(model, options.dtype));
  const int64_t bytes =
      options.dtype ? bytes_of_all(weights.tensors()) : bytes_to_transfer(model, options.transfer);
  ImportResult result;
  // Files that are linked or copied as they are pass through nobody's hands.
  if (!options.dtype) result.non_finite = find_non_finite(weights.tensors());
  require_finite(result.non_finite, options, source);
  StagedFolder folder(target, bytes, options.replace);
  result.left_behind = copy_companion_files(source, folder.path());
  const std::string config_file = (source / "config.json").string();
  std::string config = without_auto_map(read_text_file(config_file), config_file);
  if (read_hf_config(config_file).config.tie_word_embeddings != model.config.tie_word_embeddings) {
    config = with_tied_head(config, model.config.tie_word_embeddings, config_file);
  }
  if (options.dtype) {
    config = with_torch_dtype(config, *options.dtype, config_file);
    write_weight_shards(folder.path(), weights.tensors());
    result.non_finite = weights.non_finite();
    require_finite(result.non_finite, options, source);
  } else {
    result.files = transfer_weights(model, folder.path(), options.transfer);
  }
  fault_point("import.weights_written");
  write_file_atomically(folder.path() / "config.json", config);
  write_factor_file(folder.path() / "rope_factors.json", model.sets, model.weights);
  const ModelDir written = open_model_dir(folder.path());
  if (options.dtype) verify_weights(written, weights.tensors());
  folder.publish();
  return result;
}

}  // namespace ropeway
