#include "trainer/stages/run_directory.h"

#include <optional>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/files/folder_lock.h"
#include "trainer/files/output_place.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A live run's folder is never moved away under it: the lock is taken first, and the caller keeps it until
// the new folder has its own.
FolderLock move_aside(const fs::path& path) {
  FolderLock lock(path);
  for (int i = 1;; ++i) {
    const fs::path target = fmt::format("{}.old-{}", path.string(), i);
    if (fs::exists(target)) continue;
    fs::rename(path, target);
    log_info("{}: moved to {}", path.string(), target.string());
    return lock;
  }
}

fs::path without_slash(const fs::path& folder) {
  return folder.has_filename() ? folder : folder.parent_path();
}

}  // namespace

fs::path identity_file(const fs::path& run_dir) { return run_dir / ".identity.yaml"; }

RunDirectory::RunDirectory(const RunIdentity& run, Communicator& world, bool fresh, int64_t bytes_needed)
    : path_(without_slash(run.folder)), recipe_sha256_(sha256_of(run.lasting)) {
  run_on_rank(world, 0, [&] {
    try {
      open(run, fresh, bytes_needed);
    } catch (const fs::filesystem_error& error) {
      fail(ErrorKind::kCannotCreate, "{}: {}", path_.string(), error.what());
    }
  });
}

void RunDirectory::open(const RunIdentity& run, bool fresh, int64_t bytes_needed) {
  // Where the run's folder is a link, it stays one: what it points to is made, moved and made again.
  const fs::path place = without_slash(follow_links(path_));
  std::optional<FolderLock> earlier_run;
  if (fresh && fs::exists(place)) earlier_run.emplace(move_aside(place));
  require_writable_folder(place, bytes_needed);
  auto lock = std::make_unique<FolderLock>(path_);
  write_file_atomically(identity_file(path_), run.lasting);
  write_file_atomically(path_ / "recipe.yaml", run.resolved);
  for (const std::string& stage : run.stages) fs::create_directories(stage_folder(stage));
  lock_ = std::move(lock);
}

RunDirectory::~RunDirectory() = default;

bool RunDirectory::is_done(const fs::path& run_dir, const std::string& stage) {
  std::error_code ignored;
  return fs::exists(run_dir / "stages" / stage / "done.json", ignored);
}

void RunDirectory::mark_done(const std::string& stage, const std::string& json) const {
  write_file_atomically(stage_folder(stage) / "done.json", json);
}

}  // namespace ropeway
