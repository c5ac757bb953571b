// A model as a directory that Hugging Face transformers 4 and 5 and vLLM load as it is: config.json with the
// two factor lists of one deployment in both key styles, the weights in shards, the tokenizer and generation
// files of the source, and rope_factors.json with every set of the model, which only this program reads.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weight_shards.h"

namespace ropeway {

struct HfExport {
  const ModelDir& model;
  std::filesystem::path base{};                // its config.json and companion files go along; "": none
  std::map<std::string, std::string> files{};  // more companion files: name -> content
  std::vector<ExportFactors>
      deployments{};                 // one: the target is the directory; several: it holds one for each
  std::vector<std::string> cards{};  // README.md of each deployment; empty: the base's, if it has one
  std::optional<DType> dtype{};      // of the weights; none: as they are
  int64_t max_shard_bytes = kMaxShardBytes;
  bool replace = false;  // see require_replaceable_model()
};
// The directories written: the target, or TARGET/64K, TARGET/1M, ... which share their weights by hard links.
// Everything is read back and compared before anything gets the target's name. Throws kBadData,
// kCannotCreate, kIo; then nothing is written.
std::vector<std::filesystem::path> export_hf(const HfExport& what, const std::filesystem::path& target);

// The directories of an export for several windows; empty when `path` is no such export.
std::vector<std::filesystem::path> export_folders(const std::filesystem::path& path);

}  // namespace ropeway
