// NumPy's .npy files, as far as they are needed: token ids in, losses out. Format: "\x93NUMPY", version 1.0
// or 2.0, the length of the header (16 or 32 bits), a Python dictionary of descr, fortran_order and shape,
// then the raw values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace ropeway {

// One dimension, C order, little-endian int32, int64, uint16 or uint8. Throws kMissingInput when it cannot be
// read and kBadData naming file, what was found and what was wanted; an id outside [0, vocab_size) is named
// by its index.
std::vector<int32_t> read_npy_token_ids(const std::filesystem::path& path, int64_t vocab_size);

// values [rows, columns], row by row, as float32; the file appears whole or not at all.
void write_npy_float32(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
                       int64_t columns);

}  // namespace ropeway
