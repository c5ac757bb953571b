#include "trainer/files/staged_folder.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

bool holds_model(const fs::path& folder) { return fs::is_regular_file(folder / "config.json"); }

// "runs/model/" is runs/model.
fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() || !path.has_parent_path() ? path : path.parent_path();
}

}  // namespace

StagedFolder::StagedFolder(const fs::path& target, int64_t bytes, bool replace)
    : target_(without_trailing_slash(target)) {
  if (fs::exists(fs::symlink_status(target_)) && !replace) {
    fail(ErrorKind::kCannotCreate, "{}: exists, and replacing it was not asked for", target_.string());
  }
  remove_unfinished(target_);  // before the free space is counted
  require_writable_folder(target_.has_parent_path() ? target_.parent_path() : fs::path("."), bytes);
  do {
    temporary_ = unfinished_name(target_);
    std::error_code error;
    if (!fs::create_directory(temporary_, error)) {
      fail(ErrorKind::kCannotCreate, "{}: cannot create the folder: {}", temporary_.string(),
           error.message());
    }
  } while (!lock_.take(temporary_));
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!published_) fs::remove_all(temporary_, ignored);
}

void StagedFolder::publish() {
  fsync_path(temporary_);
  publish_folder(temporary_, target_);
  published_ = true;
}

void require_replaceable_model(const fs::path& target, bool force) {
  const fs::path path = without_trailing_slash(target);
  if (!fs::exists(fs::symlink_status(path))) return;
  if (!force) fail(ErrorKind::kCannotCreate, WayOut::kReplaceOutput, "{}: exists", path.string());
  if (fs::is_directory(path) && !fs::is_symlink(path)) {
    const fs::directory_iterator entries(path);
    const bool only_models = begin(entries) != end(entries) &&
                             std::all_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
                               return holds_model(entry.path());
                             });
    if (holds_model(path) || only_models) return;
  }
  fail(ErrorKind::kCannotCreate, "{}: exists and is not a model directory; only those are replaced",
       path.string());
}

void require_apart(const fs::path& source, const fs::path& target) {
  const fs::path inner = fs::weakly_canonical(source),
                 outer = fs::weakly_canonical(without_trailing_slash(target));
  const auto [rest, end] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  if (rest == outer.end()) {
    fail(ErrorKind::kCannotCreate, "{}: holds the source, {}: wanted another place", target.string(),
         source.string());
  }
}

}  // namespace ropeway
