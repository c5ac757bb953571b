// Writer of the safetensors format, and the stream behind it: for callers that place and hash the file
// themselves (checkpoints), and for tensors that are made while they are written, so that a model larger than
// the memory can be converted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/files/output_file.h"

namespace ropeway {

struct TensorToWrite {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  const void* data = nullptr;  // contiguous, little-endian
};
// Atomic (temporary name, fsync, rename), data section aligned to 8, metadata gets {"format":"pt"} unless
// given.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       std::map<std::string, std::string> metadata = {});

using PutBytes = std::function<void(const void* data, int64_t bytes)>;

// A tensor whose bytes come piece by piece, in order, as often as they are asked for.
struct TensorStream {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  std::function<void(const PutBytes& put)> produce;
};

// Header and data, widest elements first and then by name, so that every tensor is aligned to its element
// size.
void stream_safetensors(OutputFile& file, const std::vector<TensorStream>& tensors,
                        std::map<std::string, std::string> metadata);
void stream_safetensors(OutputFile& file, const std::vector<TensorToWrite>& tensors,
                        std::map<std::string, std::string> metadata);

// Bytes of all of them together.
int64_t bytes_of_all(const std::vector<TensorStream>& tensors);
int64_t bytes_of_all(const std::vector<TensorToWrite>& tensors);

}  // namespace ropeway
