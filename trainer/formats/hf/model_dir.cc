#include "trainer/formats/hf/model_dir.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "trainer/files/looked_for_at.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/tied_head.h"
#include "trainer/formats/hf/weight_check.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// The first by name of the folder's files with one of these endings; "" when there is none.
std::string first_file_with(const fs::path& folder, std::initializer_list<const char*> endings) {
  std::string first;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool wanted = std::any_of(endings.begin(), endings.end(),
                                    [&](const char* ending) { return name.ends_with(ending); });
    if (wanted && (first.empty() || name < first)) first = name;
  }
  return first;
}

void refuse_gguf_of(const fs::path& folder) {
  const std::string name = first_file_with(folder, {".gguf"});
  if (!name.empty()) throw GgufNotImported(folder, folder / name);
}

// Weights in formats that are not read: the answer names the file and the way out.
[[noreturn]] void refuse_without_weights(const fs::path& folder) {
  const std::string pickle = first_file_with(folder, {".bin", ".pt", ".pth"});
  if (pickle.empty()) {
    refuse_gguf_of(folder);
    fail(ErrorKind::kMissingInput, "{}: holds no weights: neither {} nor {}", folder.string(), kSingle,
         kIndex);
  }
  fail(ErrorKind::kBadData,
       "{}: the weights are in {}, wanted {}: pickle files can run code and are not read. Convert: "
       "python3 -c \"from transformers import AutoModelForCausalLM as M; "
       "M.from_pretrained('{}').save_pretrained('converted')\"",
       folder.string(), pickle, kSingle, folder.string());
}

// name -> shard file of the index, with the shard names proven to be plain names of this folder.
std::map<std::string, std::string> read_index(const fs::path& folder) {
  const JsonValue index = read_strict_json(folder / kIndex, {.max_bytes = 64 << 20});
  const JsonValue weight_map = index.at("weight_map");
  std::map<std::string, std::string> owner;
  for (const std::string& tensor : weight_map.keys()) {
    const JsonValue value = weight_map.at(tensor);
    const std::string shard = value.string();
    if (shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos ||
        shard.find('\0') != std::string::npos || !shard.ends_with(".safetensors") || shard.starts_with('.')) {
      value.refuse("a plain file name of this folder that ends in .safetensors");
    }
    owner[tensor] = shard;
  }
  if (owner.empty()) weight_map.refuse("at least one tensor");
  return owner;
}

std::vector<SafetensorsFile> open_shards(const fs::path& folder,
                                         const std::map<std::string, std::string>& owner) {
  std::set<std::string> names;
  for (const auto& [tensor, shard] : owner) names.insert(shard);
  std::vector<SafetensorsFile> shards;
  for (const std::string& name : names) shards.push_back(SafetensorsFile::open(folder / name));
  return shards;
}

void require_each_tensor_once(const ModelDir& model) {
  std::set<std::string> found;
  for (const SafetensorsFile& shard : model.shards) {
    for (const auto& [name, info] : shard.tensors()) {
      if (found.insert(name).second) continue;
      fail(ErrorKind::kBadData, "{}: tensor '{}' is in {} and in another shard", model.path.string(), name,
           shard.path().filename().string());
    }
  }
}

// What an index may list without a shard that holds it: one of a tied pair, and what is no weight.
bool may_be_absent(const std::string& name, const ModelConfig& config) {
  const bool tied = config.tie_word_embeddings && (name == kHeadWeight || name == kEmbeddingWeight);
  return tied || is_derived_buffer(name);
}

void require_as_in_index(const ModelDir& model, const std::map<std::string, std::string>& owner) {
  std::set<std::string> found;
  for (const SafetensorsFile& shard : model.shards) {
    const std::string shard_name = shard.path().filename().string();
    for (const auto& [name, info] : shard.tensors()) {
      found.insert(name);
      const auto it = owner.find(name);
      if (it == owner.end() || it->second != shard_name) {
        fail(ErrorKind::kBadData, "{}: tensor '{}' is in {}, {} says {}", model.path.string(), name,
             shard_name, kIndex, it == owner.end() ? "nothing of it" : it->second);
      }
    }
  }
  for (const auto& [name, shard] : owner) {
    if (!found.contains(name) && !may_be_absent(name, model.config)) {
      fail(ErrorKind::kBadData, "{}: {} says that {} holds tensor '{}': it does not", model.path.string(),
           kIndex, shard, name);
    }
  }
}

void check_model(ModelDir& model) {
  resolve_tied_head(model);
  std::map<std::string, FoundTensor> found;
  for (const SafetensorsFile& shard : model.shards) {
    for (const auto& [name, info] : shard.tensors()) found.emplace(name, FoundTensor{info.dtype, info.shape});
  }
  check_weights(found, model.config, model.path.string());
}

// config.json and the factor sets.
ModelDir open_without_weights(const fs::path& path) {
  require_no_gguf(path);
  if (!fs::is_directory(path)) {
    fail(ErrorKind::kMissingInput, "{}: {}, wanted a model directory{}", path.string(),
         fs::exists(path) ? "is not a folder" : "is not there", looked_for_at(path));
  }
  ModelDir model;
  model.path = path;
  ConfigAndSets known = read_config_and_sets(path);
  model.config = std::move(known.config);
  model.sets = std::move(known.sets);
  model.weights = std::move(known.weights);
  return model;
}

// A window that a recipe gave the model stands in its sets: config.json of plain RoPE has no place for it.
void take_window_of_sets(ConfigAndSets& model) {
  if (model.sets.empty()) return;
  const int64_t window = model.sets.front().original_length;
  const bool agree = std::ranges::all_of(
      model.sets, [window](const FactorSet& set) { return set.original_length == window; });
  if (agree) set_original_window(model.config, window);
}

}  // namespace

void require_no_gguf(const fs::path& model) {
  if (fs::is_directory(model)) {
    if (!fs::exists(model / "config.json")) refuse_gguf_of(model);
  } else if (model.extension() == ".gguf" && fs::exists(model)) {
    throw GgufNotImported(model, model);
  }
}

ConfigAndSets read_config_and_sets(const fs::path& path) {
  require_no_gguf(path);
  ParsedConfig parsed = read_hf_config(path / "config.json");
  ConfigAndSets model{parsed.config, std::move(parsed.sets)};
  const fs::path factor_file = path / "rope_factors.json";
  if (!fs::exists(factor_file)) return model;
  FactorFile file = read_factor_file(factor_file);
  model.sets = std::move(file.sets);
  model.weights = std::move(file.weights);
  for (const FactorSet& set : model.sets) {
    check_factor_set(set, model.config.rotary_pairs(), model.config.num_layers, factor_file.string());
    if (set.rope_theta != model.config.rope_theta) {
      fail(ErrorKind::kBadData, "{}: factor set '{}': rope_theta is {}, config.json says {}",
           factor_file.string(), set.name, set.rope_theta, model.config.rope_theta);
    }
  }
  take_window_of_sets(model);
  return model;
}

void take_tie_of_weights(const fs::path& path, ModelConfig& config) {
  if (!config.tie_word_embeddings) return;
  std::set<fs::path> files;  // that may hold one of the two
  if (fs::exists(path / kSingle)) {
    files.insert(path / kSingle);
  } else if (fs::exists(path / kIndex)) {
    const std::map<std::string, std::string> owner = read_index(path);
    for (const char* name : {kEmbeddingWeight, kHeadWeight}) {
      if (const auto found = owner.find(name); found != owner.end()) files.insert(path / found->second);
    }
  }
  ModelDir model;
  model.path = path;
  model.config = config;
  for (const fs::path& file : files) {
    if (fs::exists(file)) model.shards.push_back(SafetensorsFile::open(file));
  }
  resolve_tied_head(model);
  config.tie_word_embeddings = model.config.tie_word_embeddings;
}

const SafetensorsFile& ModelDir::shard_of(const std::string& tensor) const {
  for (const SafetensorsFile& shard : shards) {
    if (shard.tensors().contains(tensor)) return shard;
  }
  fail(ErrorKind::kBadData, "{}: no shard holds the tensor '{}'", path.string(), tensor);
}

DType ModelDir::dtype() const { return shard_of(kEmbeddingWeight).tensors().at(kEmbeddingWeight).dtype; }

ModelDir open_model_dir(const fs::path& path) {
  ModelDir model = open_without_weights(path);
  if (fs::exists(path / kSingle)) {
    model.shards.push_back(SafetensorsFile::open(path / kSingle));
    require_each_tensor_once(model);
  } else if (fs::exists(path / kIndex)) {
    const std::map<std::string, std::string> owner = read_index(path);
    model.shards = open_shards(path, owner);
    require_each_tensor_once(model);
    require_as_in_index(model, owner);
  } else {
    refuse_without_weights(path);
  }
  check_model(model);
  return model;
}

ModelDir open_model_dir(const fs::path& path, const std::string& weights_file) {
  ModelDir model = open_without_weights(path);
  model.shards.push_back(SafetensorsFile::open(path / weights_file));
  check_model(model);
  return model;
}

}  // namespace ropeway
