#include "trainer/checkpoint/checkpoint_load.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// The flat arrays as one, whatever number of files they are in. Files are opened at their first use.
class ShardedArrays {
 public:
  ShardedArrays(fs::path folder, CheckpointManifest manifest)
      : folder_(std::move(folder)), manifest_(std::move(manifest)) {
    for (const OptimizerShardFile& shard : manifest_.shards) {
      File& file = files_[shard.file];
      offsets_.push_back(file.elements);
      file.elements += shard.end - shard.begin;
    }
  }

  void read(const LoadedCheckpoint::FlatArray& array, int64_t begin, int64_t end, void* out) {
    ROPEWAY_CHECK(0 <= begin && begin <= end && end <= manifest_.optimizer_total, "elements {} to {} of {}",
                  begin, end, manifest_.optimizer_total);
    char* next = static_cast<char*>(out);
    const int64_t width = bytes_of(array.dtype);
    for (size_t i = 0; i < manifest_.shards.size(); ++i) {
      const OptimizerShardFile& shard = manifest_.shards[i];
      const int64_t from = std::max(begin, shard.begin), to = std::min(end, shard.end);
      if (from >= to) continue;
      const std::span<const std::byte> bytes = data(shard.file, array);
      std::memcpy(next, bytes.data() + (offsets_[i] + from - shard.begin) * width,
                  static_cast<size_t>((to - from) * width));
      next += (to - from) * width;
    }
  }

 private:
  struct File {
    std::optional<SafetensorsFile> opened;
    int64_t elements = 0;  // that the manifest says
  };

  std::span<const std::byte> data(const std::string& name, const LoadedCheckpoint::FlatArray& array) {
    File& file = files_.at(name);
    if (!file.opened) file.opened = SafetensorsFile::open(folder_ / name);
    const auto bytes = file.opened->data(array.name);
    const TensorInfo& info = file.opened->tensors().at(array.name);
    if (info.dtype != array.dtype || info.shape != std::vector<int64_t>{file.elements}) {
      fail(ErrorKind::kBadData, WayOut::kStartAnew, "{}: tensor '{}': {} of [{}], wanted {} of [{}]",
           file.opened->path().string(), array.name, name_of(info.dtype), fmt::join(info.shape, ", "),
           name_of(array.dtype), file.elements);
    }
    return bytes;
  }

  fs::path folder_;
  CheckpointManifest manifest_;
  std::map<std::string, File> files_;
  std::vector<int64_t> offsets_;  // of shards in their files
};

// A file that the manifest does not list is never read; somebody should know that it lies there.
void warn_of_unlisted(const fs::path& folder, const CheckpointManifest& manifest) {
  std::vector<std::string> unlisted;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool listed = name == "manifest.json" || name == "SHA256SUMS" ||
                        std::any_of(manifest.files.begin(), manifest.files.end(),
                                    [&](const CheckpointFile& file) { return file.name == name; });
    if (!listed) unlisted.push_back(name);
  }
  std::sort(unlisted.begin(), unlisted.end());
  if (unlisted.empty()) return;
  log_warning("{}: {} not in its manifest, and not used: {}", folder.string(),
              unlisted.size() == 1 ? "a file is" : fmt::format("{} files are", unlisted.size()),
              fmt::join(unlisted, ", "));
}

// Newest verified folder, "" when there is no checkpoint at all.
std::string find_newest(const fs::path& folder) {
  const std::vector<fs::path> folders = step_folders(folder);
  std::string reasons;
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    try {
      warn_of_unlisted(*it, read_verified_manifest(*it, true));
      return it->string();
    } catch (const Error& error) {
      log_warning("checkpoint {} is damaged and not used: {}", it->filename().string(), error.what());
      reasons += fmt::format("\n  {}", error.what());
    }
  }
  if (folders.empty()) return "";
  fail(ErrorKind::kBadData, "{}: {} checkpoints and none that verifies:{}", folder.string(), folders.size(),
       reasons);
}

}  // namespace

std::optional<LoadedCheckpoint> load_newest_checkpoint(Communicator& world, const fs::path& folder) {
  std::string chosen;
  run_on_rank(world, 0, [&] { chosen = find_newest(folder); });
  chosen = broadcast_string(world, chosen);
  if (chosen.empty()) return std::nullopt;
  const fs::path path(chosen);
  CheckpointManifest manifest = read_verified_manifest(path, false);
  LoadedCheckpoint loaded{.path = path,
                          .step = manifest.step,
                          .state_json = read_text_file(path / "state.json"),
                          .weights = SafetensorsFile::open(path / "weights.safetensors"),
                          .read_optimizer = {},
                          .recipe_sha256 = manifest.recipe_sha256};
  auto arrays = std::make_shared<ShardedArrays>(path, std::move(manifest));
  loaded.read_optimizer = [arrays](const LoadedCheckpoint::FlatArray& array, int64_t begin, int64_t end,
                                   void* out) { arrays->read(array, begin, end, out); };
  return loaded;
}

std::vector<int64_t> list_checkpoints(const fs::path& folder) {
  std::vector<int64_t> steps;
  for (const fs::path& path : step_folders(folder)) {
    try {
      steps.push_back(read_verified_manifest(path, false).step);
    } catch (const Error&) {
      // Not a checkpoint to count; loading says why.
    }
  }
  return steps;
}

}  // namespace ropeway
