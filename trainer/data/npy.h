// NumPy's .npy files, as far as they are needed: token ids in, losses out. Format: "\x93NUMPY", version 1.0
// or 2.0, the length of the header (16 or 32 bits), a Python dictionary of descr, fortran_order and shape,
// then the raw values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "trainer/data/id_type.h"

namespace ropeway {

// The ids of a file, where they lie in it.
struct NpyIds {
  IdType type;
  std::string_view values;
};

// file: the whole content; where: its name in errors. One dimension, integers of 1 to 8 bytes in either byte
// order. Throws kBadData naming file, what was found and what was wanted.
NpyIds find_npy_ids(std::string_view file, const std::string& where);

// values [rows, columns], row by row, as float32; the file appears whole or not at all.
void write_npy_float32(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
                       int64_t columns);

// values [n] as int32, likewise.
void write_npy_int32(const std::filesystem::path& path, std::span<const int32_t> values);

}  // namespace ropeway
