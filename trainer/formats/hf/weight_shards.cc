#include "trainer/formats/hf/weight_shards.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/formats/hf/tied_head.h"
#include "trainer/formats/hf/weight_check.h"
#include "trainer/formats/safetensors/convert_elements.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

void write_shard(const fs::path& path, const std::vector<TensorStream>& tensors) {
  OutputFile file(path);
  stream_safetensors(file, tensors, {});
  file.keep();
}

std::vector<std::vector<TensorStream>> split(const std::vector<TensorStream>& tensors, int64_t max_bytes) {
  std::vector<std::vector<TensorStream>> shards;
  int64_t filled = 0;
  for (const TensorStream& tensor : tensors) {
    const int64_t bytes = bytes_of_all({tensor});
    if (shards.empty() || filled + bytes > max_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(tensor);
    filled += bytes;
  }
  return shards;
}

// What was synced and is not mapped leaves the page cache: the next read comes from the disk.
void drop_from_cache(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

}  // namespace

void write_weight_shards(const fs::path& folder, const std::vector<TensorStream>& tensors,
                         int64_t max_shard_bytes) {
  const auto shards = split(tensors, max_shard_bytes);
  if (shards.size() == 1) {
    write_shard(folder / "model.safetensors", shards.front());
    drop_from_cache(folder / "model.safetensors");
    return;
  }
  nlohmann::ordered_json index;
  index["metadata"]["total_size"] = bytes_of_all(tensors);
  std::map<std::string, std::string> weight_map;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_shard(folder / name, shards[i]);
    drop_from_cache(folder / name);
    for (const TensorStream& tensor : shards[i]) weight_map[tensor.name] = name;
  }
  index["weight_map"] = weight_map;
  write_file_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

void verify_weights(const ModelDir& written, const std::vector<TensorStream>& tensors) {
  for (const TensorStream& tensor : tensors) {
    const SafetensorsFile& shard = written.shard_of(tensor.name);
    const TensorInfo& info = shard.tensors().at(tensor.name);
    const auto bytes = shard.data(tensor.name);
    bool same = info.dtype == tensor.dtype && info.shape == tensor.shape;
    int64_t compared = 0;
    tensor.produce([&](const void* data, int64_t size) {
      same = same && compared + size <= static_cast<int64_t>(bytes.size()) &&
             std::memcmp(bytes.data() + compared, data, static_cast<size_t>(size)) == 0;
      compared += size;
    });
    if (!same || compared != static_cast<int64_t>(bytes.size())) {
      fail(ErrorKind::kIo, "{}: tensor '{}' is not what was written: the disk or its memory is damaged",
           shard.path().string(), tensor.name);
    }
  }
}

std::vector<TensorStream> weight_streams(const ModelDir& model, std::optional<DType> dtype) {
  std::vector<TensorStream> tensors;
  for (const SafetensorsFile& shard : model.shards) {
    for (const auto& [name, info] : shard.tensors()) {
      const bool tied_head = model.config.tie_word_embeddings && name == kHeadWeight;
      if (tied_head || is_derived_buffer(name)) continue;
      tensors.push_back(converted_tensor(shard, name, dtype.value_or(info.dtype)));
    }
  }
  return tensors;
}

}  // namespace ropeway
