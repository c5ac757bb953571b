// Writes a training checkpoint (checkpoint_manifest.h shows the folder), so that a reader finds it whole or
// not at all: every rank writes its files into step-N.tmp-<uuid>, syncs them to disk and sends name, size and
// SHA-256; rank 0 writes the manifest last, syncs, renames the folder and syncs its parent. Only then do older
// checkpoints go that the retention has no use for, and only once one of those that stay has been read back and
// its SHA-256 found right: the newest verified one is never deleted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/checkpoint/gathered_tensors.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

struct CheckpointContent {
  int64_t step = 0;
  std::string state_json;                         // from rank 0
  std::map<std::string, std::string> companions;  // from rank 0: further files, name -> content
  std::vector<TensorToWrite> weights;             // from rank 0
  // In their place where no rank has all of them: called on every rank, over a group of them all.
  std::function<std::unique_ptr<GatheredTensors>(Communicator& group)> gather_weights = {};
  int64_t gathered_bytes = 0;            // that rank 0 then writes
  std::vector<TensorToWrite> optimizer;  // this rank's: its parts of flat arrays, one behind the other
  // This rank's parts of the flat arrays, ascending. The ranks' together cover [0, optimizer_total).
  struct Part {
    int64_t begin = 0, end = 0;
    int64_t size() const { return end - begin; }
  };
  std::vector<Part> optimizer_parts;
  int64_t optimizer_total = 0;
  std::string recipe_sha256;
  std::shared_ptr<const void> memory = {};  // of tensors, where nobody else holds it
};

// Which checkpoints stay: the newest `newest` >= 1, and for good the first of every stretch of `every` steps
// (every..2*every - 1, and so on); 0: none but those.
struct Retention {
  int newest = 2;
  int64_t every = 0;
};

// Of the steps of good checkpoints, ascending, those that may go.
std::vector<int64_t> superfluous(const std::vector<int64_t>& steps, const Retention& retention);

// Bytes that this rank's files take but for their headers.
int64_t payload_bytes(const CheckpointContent& content);

// Collective. When one rank fails, all of them throw its error (kIo, kCannotCreate, ...), and nothing
// but the temporary folder is removed. A companion whose name a checkpoint has a use for is left out, with a
// warning.
void save_checkpoint(Communicator& world, const std::filesystem::path& folder,
                     const CheckpointContent& content, const Retention& retention);

}  // namespace ropeway
