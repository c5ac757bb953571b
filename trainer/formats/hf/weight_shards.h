// Weights as Hugging Face splits them: one model.safetensors, or shards model-00001-of-0000N.safetensors of
// at most so many bytes (a larger tensor has one of its own) and model.safetensors.index.json, which says
// where each tensor is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

inline constexpr int64_t kMaxShardBytes = 5'000'000'000;  // what transformers writes: "5GB"

void write_weight_shards(const std::filesystem::path& folder, const std::vector<TensorStream>& tensors,
                         int64_t max_shard_bytes = kMaxShardBytes);

// Reads the weights back from the disk, not from the cache, and compares every byte with the streams. Throws
// kIo naming file and tensor.
void verify_weights(const ModelDir& written, const std::vector<TensorStream>& tensors);

// The tensors of a model directory that are its weights, as `dtype` (none: as they are): without the copy of
// a tied head and the frequency buffers of old exports, which every reader makes itself.
std::vector<TensorStream> weight_streams(const ModelDir& model, std::optional<DType> dtype);

}  // namespace ropeway
