#include "trainer/checkpoint/checkpoint_save.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <sstream>
#include <tuple>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/fault_point.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeightsFile = "weights.safetensors";

std::string shard_name(int rank, int size) {
  return fmt::format("optimizer-{:05}-of-{:05}.safetensors", rank + 1, size);
}

// "begin end begin end ...".
std::string numbers_of(const std::vector<CheckpointContent::Part>& parts) {
  std::string text;
  for (const CheckpointContent::Part& part : parts) text += fmt::format("{} {} ", part.begin, part.end);
  return text;
}

// Writes one file of the checkpoint and returns its entry "bytes sha256 name".
std::string write_entry(const fs::path& path, const std::function<void(OutputFile&)>& write) {
  OutputFile file(path);
  write(file);
  file.keep();
  return fmt::format("{} {} {}\n", file.bytes(), file.sha256(), path.filename().string());
}

std::string write_text_entry(const fs::path& path, const std::string& text) {
  return write_entry(path,
                     [&](OutputFile& file) { file.write(text.data(), static_cast<int64_t>(text.size())); });
}

// Rank 0's files that the caller adds.
std::string write_companions(const fs::path& folder, const std::map<std::string, std::string>& companions) {
  std::string entries;
  for (const auto& [name, content] : companions) {
    if (is_name_of_companion(name)) {
      entries += write_text_entry(folder / name, content);
    } else {
      log_warning("{}: {} is not kept with the checkpoint, which has a use for that name", folder.string(),
                  name);
    }
  }
  return entries;
}

void parse_entries(const std::string& text, std::vector<CheckpointFile>& files) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    const size_t first = line.find(' '), second = line.find(' ', first + 1);
    files.push_back({line.substr(second + 1), std::stoll(line.substr(0, first)),
                     line.substr(first + 1, second - first - 1)});
    begin = end + 1;
  }
}

void remove_stale(const fs::path& folder) {
  std::vector<fs::path> stale;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code unknown;  // of a link that goes round in a circle
    const bool is_folder = entry.symlink_status(unknown).type() == fs::file_type::directory;
    if (is_folder && is_temporary_name(entry.path().filename().string())) stale.push_back(entry.path());
  }
  std::error_code ignored;  // what stays is tried again at the next save
  for (const fs::path& path : stale) fs::remove_all(path, ignored);
}

// Folders of this step, if its manifest and sizes are right.
bool is_good(const fs::path& folder, bool hashes) {
  try {
    read_verified_manifest(folder, hashes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void remove_checkpoint(const fs::path& checkpoint, int rank) {
  // Under a temporary name first: half a removed folder must not look like a checkpoint.
  const fs::path doomed = checkpoint.string() + ".tmp-" + make_uuid();
  std::error_code error;
  fs::rename(checkpoint, doomed, error);
  fault_point("checkpoint.old_renamed", rank);
  if (!error) fs::remove_all(doomed, error);
  if (error) log_warning("{}: an old checkpoint cannot be removed: {}", checkpoint.string(), error.message());
}

// Checkpoints that are damaged are neither counted nor removed: they are evidence.
void remove_old(const fs::path& folder, const Retention& retention, int rank) {
  std::map<int64_t, fs::path> good;
  std::vector<int64_t> steps;
  for (const fs::path& path : step_folders(folder)) {
    if (!is_good(path, false)) continue;
    steps.push_back(step_of_name(path.filename().string()));
    good[steps.back()] = path;
  }
  std::vector<fs::path> doomed;
  for (const int64_t step : superfluous(steps, retention)) {
    doomed.push_back(good.at(step));
    good.erase(step);
  }
  if (doomed.empty()) return;
  const bool one_verifies = std::any_of(good.rbegin(), good.rend(),
                                        [](const auto& of_step) { return is_good(of_step.second, true); });
  if (!one_verifies) {
    log_warning("{}: none of the newest {} checkpoints reads back as it was written; older ones stay",
                folder.string(), good.size());
    return;
  }
  for (const fs::path& path : doomed) remove_checkpoint(path, rank);
}

// One checkpoint in the making; each step is collective.
class Saving {
 public:
  Saving(Communicator& world, const fs::path& folder, const CheckpointContent& content)
      : world_(world),
        rank_(world.rank()),
        folder_(folder),
        content_(content),
        uuid_(broadcast_string(world, rank_ == 0 ? make_uuid() : std::string())),
        target_(folder / name_of_step(content.step)),
        temporary_(target_.string() + ".tmp-" + uuid_) {}

  // needed: bytes of all ranks' files together.
  void make_folder(int64_t needed);
  void write_files();
  void write_gathered_weights();
  void publish(const Retention& retention);
  void abandon() noexcept {
    std::error_code ignored;
    if (rank_ == 0) fs::remove_all(temporary_, ignored);
  }

 private:
  std::map<std::string, std::string> identity() const {
    return {{"uuid", uuid_}, {"step", fmt::format("{}", content_.step)}, {"rank", fmt::format("{}", rank_)}};
  }
  CheckpointManifest manifest_of(const std::vector<std::string>& entries,
                                 const std::vector<std::string>& ranges) const;
  void write_manifest(const CheckpointManifest& manifest);

  Communicator& world_;
  const int rank_;
  const fs::path folder_;
  const CheckpointContent& content_;
  const std::string uuid_;
  const fs::path target_, temporary_;
  std::string entries_;  // of this rank's files
};

void Saving::make_folder(int64_t needed) {
  run_on_all_ranks(world_, [&] {
    if (rank_ != 0) return;
    require_writable_folder(folder_, needed);
    remove_stale(folder_);
    std::error_code error;
    if (!fs::create_directory(temporary_, error)) {
      fail(ErrorKind::kCannotCreate, "{}: cannot create the folder: {}", temporary_.string(),
           error.message());
    }
  });
  fault_point("checkpoint.folder_made", rank_);
}

void Saving::write_files() {
  run_on_all_ranks(world_, [&] {
    const auto write_tensors = [&](const std::string& name, const std::vector<TensorToWrite>& tensors) {
      entries_ += write_entry(temporary_ / name,
                              [&](OutputFile& file) { stream_safetensors(file, tensors, identity()); });
    };
    write_tensors(shard_name(rank_, world_.size()), content_.optimizer);
    fault_point("checkpoint.shard_written", rank_);
    if (rank_ == 0) {
      if (!content_.gather_weights) write_tensors(kWeightsFile, content_.weights);
      fault_point("checkpoint.weights_written", rank_);
      entries_ += write_text_entry(temporary_ / "state.json", content_.state_json);
      entries_ += write_companions(temporary_, content_.companions);
      fault_point("checkpoint.state_written", rank_);
    }
  });
}

// Where no rank has all weights.
void Saving::write_gathered_weights() {
  if (!content_.gather_weights) return;
  run_on_all_ranks(world_, [&] {
    const std::unique_ptr<GatheredTensors> tensors = content_.gather_weights(world_);
    std::exception_ptr failed;
    try {
      if (rank_ == 0) {
        entries_ += write_entry(temporary_ / kWeightsFile, [&](OutputFile& file) {
          stream_safetensors(file, tensors->streams(), identity());
        });
      }
    } catch (...) {
      failed = std::current_exception();
    }
    tensors->finish();
    if (failed) std::rethrow_exception(failed);
  });
}

// From the entries and flat ranges of all ranks, in their order.
CheckpointManifest Saving::manifest_of(const std::vector<std::string>& entries,
                                       const std::vector<std::string>& ranges) const {
  CheckpointManifest manifest;
  manifest.uuid = uuid_;
  manifest.step = content_.step;
  manifest.world_size = world_.size();
  manifest.recipe_sha256 = content_.recipe_sha256;
  manifest.optimizer_total = content_.optimizer_total;
  std::vector<std::tuple<int64_t, int64_t, int>> parts;  // begin, end, rank
  for (int r = 0; r < world_.size(); ++r) {
    parse_entries(entries[r], manifest.files);
    std::istringstream numbers(ranges[r]);
    for (int64_t begin = 0, end = 0; numbers >> begin >> end;) parts.push_back({begin, end, r});
  }
  // In the order of the flat arrays. Of those that begin at one place the empty ones come first.
  std::ranges::sort(parts);
  int64_t covered = 0;
  for (const auto& [begin, end, rank] : parts) {
    ROPEWAY_CHECK(begin == covered, "the flat range of rank {} begins at {}, that before it ends at {}", rank,
                  begin, covered);
    covered = end;
    manifest.shards.push_back({shard_name(rank, world_.size()), begin, end});
  }
  ROPEWAY_CHECK(covered == content_.optimizer_total, "the flat ranges end at {} of {}", covered,
                content_.optimizer_total);
  return manifest;
}

void Saving::write_manifest(const CheckpointManifest& manifest) {
  const std::string manifest_json = manifest_to_json(manifest);
  write_text_entry(temporary_ / "SHA256SUMS", sha256sums_of(manifest, manifest_json));
  fault_point("checkpoint.sums_written", rank_);
  write_text_entry(temporary_ / "manifest.json", manifest_json);
  fault_point("checkpoint.manifest_written", rank_);
}

void Saving::publish(const Retention& retention) {
  const std::vector<std::string> entries = all_gather_strings(world_, entries_);
  const std::vector<std::string> ranges = all_gather_strings(world_, numbers_of(content_.optimizer_parts));
  fault_point("checkpoint.gathered", rank_);
  run_on_all_ranks(world_, [&] {
    if (rank_ != 0) return;
    write_manifest(manifest_of(entries, ranges));
    fsync_path(temporary_);
    fault_point("checkpoint.folder_synced", rank_);
    publish_folder(temporary_, target_);
    fault_point("checkpoint.published", rank_);
    remove_old(folder_, retention, rank_);
    fault_point("checkpoint.end", rank_);
  });
}

}  // namespace

std::vector<int64_t> superfluous(const std::vector<int64_t>& steps, const Retention& retention) {
  const size_t newest = std::min(steps.size(), static_cast<size_t>(retention.newest));
  std::vector<int64_t> doomed;
  int64_t kept_stretch = 0;  // the last one of which a checkpoint stays
  for (size_t i = 0; i + newest < steps.size(); ++i) {
    const int64_t stretch = retention.every > 0 ? steps[i] / retention.every : 0;
    if (stretch > kept_stretch) {
      kept_stretch = stretch;
    } else {
      doomed.push_back(steps[i]);
    }
  }
  return doomed;
}

int64_t payload_bytes(const CheckpointContent& content) {
  int64_t bytes = bytes_of_all(content.optimizer) + bytes_of_all(content.weights) + content.gathered_bytes +
                  static_cast<int64_t>(content.state_json.size());
  for (const auto& [name, text] : content.companions) bytes += static_cast<int64_t>(text.size());
  return bytes;
}

void save_checkpoint(Communicator& world, const fs::path& folder, const CheckpointContent& content,
                     const Retention& retention) {
  ROPEWAY_CHECK(retention.newest >= 1 && retention.every >= 0, "keep {} checkpoints, and every {} steps",
                retention.newest, retention.every);
  ROPEWAY_CHECK(content.step >= 0, "step {}", content.step);
  for (const CheckpointContent::Part& part : content.optimizer_parts) {
    ROPEWAY_CHECK(0 <= part.begin && part.begin <= part.end && part.end <= content.optimizer_total,
                  "flat range {} to {} of {}", part.begin, part.end, content.optimizer_total);
  }
  int64_t needed = payload_bytes(content);
  world.all_reduce(&needed, 1, DType::kI64, ReduceOp::kSum);

  Saving saving(world, folder, content);
  try {
    fault_point("checkpoint.begin", world.rank());
    saving.make_folder(needed);
    saving.write_files();
    saving.write_gathered_weights();
    saving.publish(retention);
  } catch (...) {
    // All ranks failed together, or this one hears that another is gone: nobody will finish this folder.
    saving.abandon();
    throw;
  }
}

}  // namespace ropeway
