// Reads a training checkpoint (checkpoint_manifest.h shows the folder) on any number of ranks, whatever
// number wrote it. A folder whose manifest does not verify is never used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "parallel/comm/communicator.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {

struct LoadedCheckpoint {
  std::filesystem::path path;
  int64_t step = 0;
  std::string state_json;
  SafetensorsFile weights;
  // Reads elements [begin, end) of a flat array out of the shards. Throws kBadData when the array is of
  // another type.
  struct FlatArray {
    std::string name;
    DType dtype = DType::kF32;
  };
  std::function<void(const FlatArray& array, int64_t begin, int64_t end, void* out)> read_optimizer;
  std::string recipe_sha256;
};

// Collective: rank 0 verifies sizes and SHA-256, newest first; a broken checkpoint is named in a warning, and
// the one before it is taken. nullopt when there is none. Throws kBadData when there are some and none
// verifies.
std::optional<LoadedCheckpoint> load_newest_checkpoint(Communicator& world,
                                                       const std::filesystem::path& folder);

// Steps of the checkpoints in a folder whose files have the right sizes, ascending; hashes are not read.
std::vector<int64_t> list_checkpoints(const std::filesystem::path& folder);

}  // namespace ropeway
