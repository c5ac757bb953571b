#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/io/factor_file.h"
#include "trainer/io/files.h"
#include "trainer/io/model_dir.h"
#include "trainer/io/output_file.h"
#include "trainer/io/weight_check.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSmallFileBytes = 128 << 20;  // the largest tokenizer.json seen is a quarter of it

bool is_small_companion(const fs::directory_entry& entry) {
  if (!entry.is_regular_file() || static_cast<int64_t>(entry.file_size()) > kMaxSmallFileBytes) return false;
  const std::string name = entry.path().filename().string();
  if (name.starts_with('.') || name == "config.json" || name == "rope_factors.json") return false;
  if (name.ends_with(".index.json")) return false;
  for (const char* weights : {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack"}) {
    if (name.ends_with(weights)) return false;
  }
  return true;
}

void copy_small_files(const fs::path& from, const fs::path& to) {
  if (!fs::is_directory(from))
    fail(ErrorKind::kMissingInput, "{}: is not a folder to copy from", from.string());
  for (const auto& entry : fs::directory_iterator(from)) {
    if (is_small_companion(entry)) {
      write_file_atomically(to / entry.path().filename(), read_text_file(entry.path()));
    }
  }
}

// The set that config.json shows to other programs; null for the original RoPE.
const FactorSet* set_in_force(const std::vector<FactorSet>& sets, const std::string& name) {
  if (!name.empty()) {
    const FactorSet* set = find_factor_set(sets, name);
    ROPEWAY_CHECK(set != nullptr, "no factor set '{}' to put in force", name);
    return set;
  }
  const FactorSet* longest = nullptr;
  for (const FactorSet& set : sets) {
    if (longest == nullptr || set.max_length >= longest->max_length) longest = &set;
  }
  return longest;
}

bool expressible(const FactorSet& set, int64_t pairs) {
  return set.start_tokens == 0 && static_cast<int64_t>(set.factors.size()) == pairs;
}

std::string config_text(const ModelConfig& config, const std::vector<FactorSet>& sets,
                        const std::string& in_force, const std::string& torch_dtype) {
  const FactorSet* long_set = set_in_force(sets, in_force);
  const int64_t pairs = config.rotary_pairs();
  const FactorSet identity = computed_factor_set("none", config.rope_geometry(), config.original_window);
  const bool original_rope =
      long_set == nullptr || (long_set->max_length <= config.original_window &&
                              long_set->factors == identity.factors && long_set->attention_temperature == 1);
  if (original_rope) return write_hf_config(config, nullptr, nullptr, torch_dtype);
  const FactorSet short_set = select_factor_set(sets, config.original_window, identity);
  if (!expressible(*long_set, pairs) || !expressible(short_set, pairs)) {
    // Days of work must not end in a refusal: the model is whole for this program, and plain for the others.
    log_warning(
        "factor set '{}' has start tokens or factors per layer, which config.json cannot hold: it describes "
        "the original RoPE; rope_factors.json has the sets",
        long_set->name);
    return write_hf_config(config, nullptr, nullptr, torch_dtype);
  }
  return write_hf_config(config, long_set, &short_set, torch_dtype);
}

std::string torch_name(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    case DType::kF64:
      return "float64";
    default:
      return "float32";
  }
}

struct TemporaryFolder {
  fs::path path;
  bool published = false;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!published) fs::remove_all(path, ignored);
  }
};

}  // namespace

void save_model_dir(const fs::path& path, const ModelConfig& config, const std::vector<FactorSet>& sets,
                    const std::vector<TensorToWrite>& weights, const SaveModelOptions& options) {
  std::map<std::string, FoundTensor> found;
  int64_t bytes = 0;
  for (const TensorToWrite& tensor : weights) {
    found.emplace(tensor.name, FoundTensor{tensor.dtype, tensor.shape});
    int64_t elements = 1;
    for (const int64_t dim : tensor.shape) elements *= dim;
    bytes += elements * bytes_of(tensor.dtype);
  }
  check_weights(found, config, path.string() + " (to write)");
  for (const FactorSet& set : sets)
    check_factor_set(set, config.rotary_pairs(), config.num_layers, path.string());
  if (fs::exists(path) && !options.replace) {
    fail(ErrorKind::kCannotCreate, "{}: exists, and replacing it was not asked for", path.string());
  }

  fs::path target = path;
  if (!target.has_filename()) target = target.parent_path();  // "runs/model/"
  require_writable_folder(target.has_parent_path() ? target.parent_path() : fs::path("."), bytes);
  TemporaryFolder temporary{target.string() + ".tmp-" + make_uuid()};
  std::error_code error;
  if (!fs::create_directory(temporary.path, error)) {
    fail(ErrorKind::kCannotCreate, "{}: cannot create the folder: {}", temporary.path.string(),
         error.message());
  }
  if (!options.copy_small_files_from.empty()) copy_small_files(options.copy_small_files_from, temporary.path);
  write_safetensors(temporary.path / "model.safetensors", weights);
  write_factor_file(temporary.path / "rope_factors.json", sets);
  write_file_atomically(temporary.path / "config.json",
                        config_text(config, sets, options.in_force, torch_name(weights.front().dtype)));
  open_model_dir(temporary.path);  // what cannot be read back must not get the name
  publish_folder(temporary.path, target);
  temporary.published = true;
}

}  // namespace ropeway
