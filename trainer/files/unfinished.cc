#include "trainer/files/unfinished.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "kernels/base/host_name.h"
#include "trainer/files/output_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// "TARGET.tmp-HOST-", the last part of the path only.
std::string prefix_of(const fs::path& target) {
  return target.filename().string() + ".tmp-" + host_name() + "-";
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

int open_for_lock(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

}  // namespace

fs::path unfinished_name(const fs::path& target) {
  return folder_of(target) / (prefix_of(target) + make_uuid());
}

void remove_unfinished(const fs::path& target) {
  const std::string prefix = prefix_of(target);
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder_of(target), error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(prefix) && is_uuid(name.substr(prefix.size()))) found.push_back(it->path());
  }
  for (const fs::path& path : found) {
    const int descriptor = open_for_lock(path);
    if (descriptor < 0) continue;
    std::error_code ignored;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
    ::close(descriptor);
  }
}

MakerLock::~MakerLock() { release(); }

void MakerLock::release() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

bool MakerLock::take(const fs::path& path) {
  release();
  descriptor_ = open_for_lock(path);
  if (descriptor_ < 0) return fs::exists(fs::symlink_status(path));
  // Waits for a process that is inspecting it right now, and removes it.
  ::flock(descriptor_, LOCK_EX);
  struct stat locked, there;
  return ::fstat(descriptor_, &locked) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}

}  // namespace ropeway
