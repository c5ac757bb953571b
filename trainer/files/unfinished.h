// Files and folders that are being made, under names of their own: TARGET.tmp-HOST-<uuid>, beside the target.
//
// A process that is killed leaves such a thing behind, perhaps of many gigabytes. So its maker holds a lock
// (flock) on it, which the system takes back however the process ends, and the next one to make the same
// target removes what carries this host's name and no lock. Of another host, whose locks are not seen here on
// every shared file system, nothing is touched; nor where locks do not work at all.
#pragma once

#include <filesystem>

namespace ropeway {

std::filesystem::path unfinished_name(const std::filesystem::path& target);

// Removes what ended processes of this host left of `target`; what cannot be removed stays.
void remove_unfinished(const std::filesystem::path& target);

// This process's lock on the file or folder it makes.
class MakerLock {
 public:
  MakerLock() = default;
  ~MakerLock();
  MakerLock(const MakerLock&) = delete;
  MakerLock& operator=(const MakerLock&) = delete;

  // False when another process has removed `path` since it was made, having found it without a lock: make
  // another one. True also where the file system has no locks.
  bool take(const std::filesystem::path& path);

 private:
  void release();
  int descriptor_ = -1;
};

}  // namespace ropeway
