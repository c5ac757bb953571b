// Megatron's indexed data sets: NAME.bin holds token ids, NAME.idx (little-endian) says where they are:
//   "MMIDIDX\0\0", version 1 (uint64), type of the ids (uint8: 1 uint8, 2 int8, 3 int16, 4 int32, 5 int64,
//   8 uint16; 6 and 7 are floats), number of sequences S and of borders D (uint64 each), S lengths in ids
//   (int32), S offsets into the .bin in bytes (int64), D borders (int64): document d is the sequences from
//   border d up to border d + 1. A mode per sequence (int8) may follow.
// Source: megatron/core/datasets/indexed_dataset.py of NVIDIA/Megatron-LM.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "trainer/data/id_type.h"

namespace ropeway {

struct MegatronIndex {
  struct Sequence {
    int64_t offset = 0;  // bytes into the .bin
    int64_t ids = 0;
  };
  IdType type = {};
  std::vector<Sequence> sequences = {};
  std::vector<int64_t> borders = {};  // indices into sequences; one more than documents
};

// bin_bytes: size of the .bin, within which every sequence must lie. Throws kMissingInput, and kBadData naming
// what does not fit.
MegatronIndex read_megatron_index(const std::filesystem::path& idx, int64_t bin_bytes);

}  // namespace ropeway
