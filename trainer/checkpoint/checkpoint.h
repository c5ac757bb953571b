// Training checkpoints, named step-N inside one folder per stage:
//   step-000120/  weights.safetensors          written by rank 0
//                 optimizer-00001-of-00002.safetensors  masters and moments of one rank's flat range
//                 state.json                   step, data position, factor set, everything small
//                 manifest.json                format version, uuid, step, world size, recipe hash, SHA-256
//                 and size of each file
// Protocol: every rank writes its files into step-N.tmp-<uuid>, fsyncs them, sends name, size and SHA-256;
// rank 0 writes the manifest last, fsyncs, renames the folder, fsyncs the parent; then the oldest beyond
// `keep` verified ones go. A folder without a manifest that verifies is never used and never counts; the
// newest verified one is never deleted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

struct CheckpointContent {
  int64_t step = 0;
  std::string state_json;                          // from rank 0
  std::vector<TensorToWrite> weights;              // from rank 0
  std::vector<TensorToWrite> optimizer;            // this rank's: flat ranges
  int64_t optimizer_begin = 0, optimizer_end = 0;  // this rank's flat range
  int64_t optimizer_total = 0;
  std::string recipe_sha256;
};

// Collective. Throws kIo / kCannotCreate on every rank when one fails, with nothing but the temporary folder
// removed.
void save_checkpoint(Communicator& world, const std::filesystem::path& folder,
                     const CheckpointContent& content, int keep);

struct LoadedCheckpoint {
  std::filesystem::path path;
  int64_t step = 0;
  std::string state_json;
  SafetensorsFile weights;
  // Reads [begin, end) of a flat array out of the ranks' shards, whatever their number was. Throws kBadData
  // when the array is of another type.
  struct FlatArray {
    std::string name;
    DType dtype = DType::kF32;
  };
  std::function<void(const FlatArray& array, int64_t begin, int64_t end, void* out)> read_optimizer;
  std::string recipe_sha256;
};
// Collective: rank 0 verifies (sizes and SHA-256), newest first; a broken one is named in a warning and the
// one before it is taken. nullopt when there is none. Throws kBadData when there are checkpoints and none
// verifies.
std::optional<LoadedCheckpoint> load_newest_checkpoint(Communicator& world,
                                                       const std::filesystem::path& folder);

// Steps of the verified-by-size checkpoints in a folder, ascending; for `inspect`.
std::vector<int64_t> list_checkpoints(const std::filesystem::path& folder);

}  // namespace ropeway
