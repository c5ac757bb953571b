#include "trainer/stages/run_directory.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/files/folder_lock.h"
#include "trainer/files/output_place.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Lengths of the longest common subsequences of what is left from line i of one and line j of the other.
std::vector<std::vector<int>> common_lines(const std::vector<std::string>& old_lines,
                                           const std::vector<std::string>& new_lines) {
  std::vector<std::vector<int>> common(old_lines.size() + 1, std::vector<int>(new_lines.size() + 1));
  for (size_t i = old_lines.size(); i-- > 0;) {
    for (size_t j = new_lines.size(); j-- > 0;) {
      common[i][j] = old_lines[i] == new_lines[j] ? common[i + 1][j + 1] + 1
                                                  : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  return common;
}

// The first lines that differ: "there "seed: 1", here "seed: 5"". A line that only one of them has, such as a
// key that an earlier version did not know, stands alone.
std::string difference(const std::string& was, const std::string& is) {
  const auto old_lines = lines_of(was), new_lines = lines_of(is);
  const auto common = common_lines(old_lines, new_lines);
  std::vector<std::string> only_old, only_new, shown;
  const auto show = [&] {
    for (size_t k = 0; k < std::max(only_old.size(), only_new.size()); ++k) {
      const std::string before = k < only_old.size() ? fmt::format("\"{}\"", only_old[k]) : "nothing",
                        after = k < only_new.size() ? fmt::format("\"{}\"", only_new[k]) : "nothing";
      shown.push_back(fmt::format("\n  there {}, here {}", before, after));
    }
    only_old.clear();
    only_new.clear();
  };
  size_t i = 0, j = 0;
  while (i < old_lines.size() || j < new_lines.size()) {
    const bool both = i < old_lines.size() && j < new_lines.size();
    if (both && old_lines[i] == new_lines[j]) {
      show();
      ++i, ++j;
    } else if (j == new_lines.size() || (both && common[i + 1][j] >= common[i][j + 1])) {
      only_old.push_back(old_lines[i++]);
    } else {
      only_new.push_back(new_lines[j++]);
    }
  }
  show();
  constexpr size_t kMost = 6;
  if (shown.size() > kMost) {
    shown[kMost - 1] = fmt::format("\n  and {} more lines", shown.size() - kMost + 1);
    shown.resize(kMost);
  }
  return fmt::format("{}", fmt::join(shown, ""));
}

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
  const fs::path identity = identity_file(path_);
  if (fs::exists(identity)) {
    const std::string there = read_text_file(identity);
    if (there != run.lasting) {
      fail(ErrorKind::kCannotCreate, WayOut::kOtherRun, "{}: holds a run of another recipe:{}",
           path_.string(), difference(there, run.lasting));
    }
  } else {
    write_file_atomically(identity, run.lasting);
  }
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
