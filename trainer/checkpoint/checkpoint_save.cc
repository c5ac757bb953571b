#include <algorithm>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/fault_point.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// Runs `work` on every rank; when it fails on one, throws the lowest such rank's error on all of them.
template <typename Work>
void together(Communicator& world, Work&& work) {
  std::string failure;
  try {
    work();
  } catch (...) {
    const Failure own = failure_of(std::current_exception());
    failure = fmt::format("{} {}", static_cast<int>(own.kind), own.message);
  }
  for (const std::string& other : all_gather_strings(world, failure)) {
    if (other.empty()) continue;
    const size_t space = other.find(' ');
    throw Error(static_cast<ErrorKind>(std::stoi(other.substr(0, space))), other.substr(space + 1));
  }
}

std::string shard_name(int rank, int size) {
  return fmt::format("optimizer-{:05}-of-{:05}.safetensors", rank + 1, size);
}

// Writes one file of the checkpoint and returns its entry "bytes sha256 name".
std::string write_entry(const fs::path& path, const std::function<void(OutputFile&)>& write) {
  OutputFile file(path);
  write(file);
  file.keep();
  return fmt::format("{} {} {}\n", file.bytes(), file.sha256(), path.filename().string());
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
    if (entry.is_directory() && !entry.is_symlink() && is_temporary_name(entry.path().filename().string())) {
      stale.push_back(entry.path());
    }
  }
  std::error_code ignored;  // what stays is tried again at the next save
  for (const fs::path& path : stale) fs::remove_all(path, ignored);
}

// Keeps the newest `keep` checkpoints whose manifest and sizes are right. Those that are not right are
// neither counted nor removed: they are evidence.
void remove_old(const fs::path& folder, int keep, int rank) {
  int good = 0;
  std::vector<fs::path> folders = step_folders(folder);
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    try {
      read_verified_manifest(*it, false);
    } catch (const Error&) {
      continue;
    }
    if (++good <= keep) continue;
    // Under a temporary name first: half a removed folder must not look like a checkpoint.
    const fs::path doomed = it->string() + ".tmp-" + make_uuid();
    std::error_code error;
    fs::rename(*it, doomed, error);
    fault_point("checkpoint.old_renamed", rank);
    if (!error) fs::remove_all(doomed, error);
    if (error) log_warning("{}: an old checkpoint cannot be removed: {}", it->string(), error.message());
  }
}

}  // namespace

void save_checkpoint(Communicator& world, const fs::path& folder, const CheckpointContent& content,
                     int keep) {
  ROPEWAY_CHECK(keep >= 1, "keep {} checkpoints", keep);
  ROPEWAY_CHECK(content.step >= 0 && 0 <= content.optimizer_begin &&
                    content.optimizer_begin <= content.optimizer_end &&
                    content.optimizer_end <= content.optimizer_total,
                "step {}, flat range {} to {} of {}", content.step, content.optimizer_begin,
                content.optimizer_end, content.optimizer_total);
  const int rank = world.rank();
  int64_t needed = bytes_of_all(content.optimizer);
  if (rank == 0) needed += bytes_of_all(content.weights) + static_cast<int64_t>(content.state_json.size());
  world.all_reduce(&needed, 1, DType::kI64, ReduceOp::kSum);

  const std::string uuid = broadcast_string(world, rank == 0 ? make_uuid() : std::string());
  const fs::path target = folder / name_of_step(content.step);
  const fs::path temporary = target.string() + ".tmp-" + uuid;
  try {
    fault_point("checkpoint.begin", rank);
    together(world, [&] {
      if (rank != 0) return;
      require_writable_folder(folder, needed);
      remove_stale(folder);
      std::error_code error;
      if (!fs::create_directory(temporary, error)) {
        fail(ErrorKind::kCannotCreate, "{}: cannot create the folder: {}", temporary.string(),
             error.message());
      }
    });
    fault_point("checkpoint.folder_made", rank);

    std::string entries;  // this rank's files
    together(world, [&] {
      const std::map<std::string, std::string> identity = {
          {"uuid", uuid}, {"step", fmt::format("{}", content.step)}, {"rank", fmt::format("{}", rank)}};
      entries += write_entry(temporary / shard_name(rank, world.size()), [&](OutputFile& file) {
        stream_safetensors(file, content.optimizer, identity);
      });
      fault_point("checkpoint.shard_written", rank);
      if (rank == 0) {
        entries += write_entry(temporary / "weights.safetensors", [&](OutputFile& file) {
          stream_safetensors(file, content.weights, identity);
        });
        fault_point("checkpoint.weights_written", rank);
        entries += write_entry(temporary / "state.json", [&](OutputFile& file) {
          file.write(content.state_json.data(), static_cast<int64_t>(content.state_json.size()));
        });
        fault_point("checkpoint.state_written", rank);
      }
    });

    const std::vector<std::string> all_entries = all_gather_strings(world, entries);
    const std::vector<std::string> all_ranges =
        all_gather_strings(world, fmt::format("{} {}", content.optimizer_begin, content.optimizer_end));
    fault_point("checkpoint.gathered", rank);
    together(world, [&] {
      if (rank != 0) return;
      CheckpointManifest manifest;
      manifest.uuid = uuid;
      manifest.step = content.step;
      manifest.world_size = world.size();
      manifest.recipe_sha256 = content.recipe_sha256;
      manifest.optimizer_total = content.optimizer_total;
      for (int r = 0; r < world.size(); ++r) {
        parse_entries(all_entries[r], manifest.files);
        const size_t space = all_ranges[r].find(' ');
        const int64_t begin = std::stoll(all_ranges[r].substr(0, space)),
                      end = std::stoll(all_ranges[r].substr(space + 1));
        const int64_t covered = r == 0 ? 0 : manifest.shards.back().end;
        ROPEWAY_CHECK(begin == covered, "the flat range of rank {} begins at {}, that before it ends at {}",
                      r, begin, covered);
        manifest.shards.push_back({shard_name(r, world.size()), begin, end});
      }
      ROPEWAY_CHECK(manifest.shards.back().end == content.optimizer_total, "the flat ranges end at {} of {}",
                    manifest.shards.back().end, content.optimizer_total);
      const std::string manifest_json = manifest_to_json(manifest);
      const std::string sums = sha256sums_of(manifest, manifest_json);
      write_entry(temporary / "SHA256SUMS",
                  [&](OutputFile& file) { file.write(sums.data(), static_cast<int64_t>(sums.size())); });
      fault_point("checkpoint.sums_written", rank);
      write_entry(temporary / "manifest.json", [&](OutputFile& file) {
        file.write(manifest_json.data(), static_cast<int64_t>(manifest_json.size()));
      });
      fault_point("checkpoint.manifest_written", rank);
      fsync_path(temporary);
      fault_point("checkpoint.folder_synced", rank);
      publish_folder(temporary, target);
      fault_point("checkpoint.published", rank);
      remove_old(folder, keep, rank);
      fault_point("checkpoint.end", rank);
    });
  } catch (...) {
    // All ranks failed together, or this one hears that another is gone: nobody will finish this folder.
    std::error_code ignored;
    if (rank == 0) fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace ropeway
