#include "trainer/formats/hf/weights_name.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>

#include "trainer/files/sha256.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {
namespace {

constexpr size_t kSampleBytes = 4096;
constexpr size_t kDigits = 16;

// In the order of the tensors' names, whatever shards they are in.
std::string sample_of(const std::map<std::string, std::span<const std::byte>>& tensors) {
  Sha256 hash;
  for (const auto& [name, bytes] : tensors) {
    const size_t count = std::min(kSampleBytes, bytes.size());
    const std::string head = fmt::format("{} {}\n", name, bytes.size());
    hash.update(head.data(), head.size());
    hash.update(bytes.data() + (bytes.size() - count) / 2, count);
  }
  return hash.finish().substr(0, kDigits);
}

}  // namespace

std::string name_of_weights(const ModelDir& model) {
  if (!model.weights.empty()) return model.weights;
  std::map<std::string, std::span<const std::byte>> tensors;
  for (const SafetensorsFile& shard : model.shards) {
    for (const auto& [name, info] : shard.tensors()) tensors[name] = shard.data(name);
  }
  return sample_of(tensors);
}

std::string name_of_weights(const std::string& stage, const std::vector<TensorToWrite>& weights) {
  std::map<std::string, std::span<const std::byte>> tensors;
  for (const TensorToWrite& tensor : weights) {
    tensors[tensor.name] = {static_cast<const std::byte*>(tensor.data),
                            static_cast<size_t>(bytes_of_all(std::vector{tensor}))};
  }
  return fmt::format("{}@{}", stage, sample_of(tensors));
}

}  // namespace ropeway
