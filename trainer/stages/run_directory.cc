#include "trainer/stages/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The first lines that differ, as "- was" / "+ is". Recipes are resolved to the same keys in the same order,
// so a line-by-line comparison shows values; a different number of stages shows up as the remainder.
std::string difference(const std::string& was, const std::string& is) {
  const auto old_lines = lines_of(was), new_lines = lines_of(is);
  std::string text;
  int shown = 0;
  for (size_t i = 0; i < std::max(old_lines.size(), new_lines.size()) && shown < 5; ++i) {
    const std::string before = i < old_lines.size() ? old_lines[i] : "",
                      after = i < new_lines.size() ? new_lines[i] : "";
    if (before == after) continue;
    text += fmt::format("\n  line {}: there \"{}\", here \"{}\"", i + 1, before, after);
    ++shown;
  }
  return text;
}

// Closed when it goes out of scope, which also releases what flock() holds on it.
class LockFile {
 public:
  explicit LockFile(int fd) : fd_(fd) {}
  ~LockFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&&) = delete;
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// False once the file that fd stands for was moved away with its folder.
bool still_there(int fd, const fs::path& file) {
  struct stat held;
  struct stat named;
  return ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

// The lock belongs to the file, not to its name: between opening it and locking it, a fresh start may have
// moved the folder aside, and what was locked then is the old run. The name is compared afterwards, when
// nobody else can move the folder any more.
LockFile take_lock(const fs::path& file) {
  LockFile lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.fd() < 0) fail(ErrorKind::kCannotCreate, "{}: {}", file.string(), std::strerror(errno));
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0 || !still_there(lock.fd(), file)) {
    fail(ErrorKind::kCannotCreate,
         "{}: another run is writing to this folder; wait for it, or set run_dir to another "
         "folder",
         file.parent_path().string());
  }
  return lock;
}

// A live run's folder is never moved away under it: the lock is taken first, and the caller keeps it until
// the new folder has its own.
LockFile move_aside(const fs::path& path) {
  LockFile lock = take_lock(path / ".lock");
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

// Of the files in the folder; 0 when it is not there.
int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) bytes += static_cast<int64_t>(entry->file_size(gone));
  }
  return bytes;
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
  std::optional<LockFile> earlier_run;
  if (fresh && fs::exists(path_)) earlier_run.emplace(move_aside(path_));
  require_writable_folder(path_, std::max<int64_t>(0, bytes_needed - bytes_in(path_)));
  LockFile lock = take_lock(path_ / ".lock");
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
  lock_ = lock.release();
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

bool RunDirectory::is_done(const fs::path& run_dir, const std::string& stage) {
  std::error_code ignored;
  return fs::exists(run_dir / "stages" / stage / "done.json", ignored);
}

void RunDirectory::mark_done(const std::string& stage, const std::string& json) const {
  write_file_atomically(stage_folder(stage) / "done.json", json);
}

}  // namespace ropeway
