// The weight files of one folder in another: as a second name of the same bytes, or copied, which on file
// systems that can (XFS, Btrfs) shares the blocks until one of the two is changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

enum class Transfer {
  kCopy,      // of their own
  kLink,      // hard links; symbolic links where there are no hard links (another file system)
  kHardLink,  // hard links; copies where there are none
};
struct TransferCounts {
  int copied = 0, hard_links = 0, symbolic_links = 0;
  int64_t bytes = 0;  // of all the files
};

// Places the model's shards and their index in `to`, under the names they have. Copies are synced and
// compared with the original. Links to the originals are followed: what a link in a download cache stands for
// is linked. Throws kCannotCreate, kIo, kMissingInput.
TransferCounts transfer_weights(const ModelDir& model, const std::filesystem::path& to, Transfer transfer);

// Bytes that transfer_weights needs at most.
int64_t bytes_to_transfer(const ModelDir& model, Transfer transfer);

}  // namespace ropeway
