// One writer per folder. The lock is flock(2) on FOLDER/.lock, which the system takes back however a process
// ends. Where a file system refuses flock (some network and cluster file systems do), that is said, and a lock
// file is used instead, FOLDER/.lock-holder: it names host and process of the holder, who touches it every few
// seconds. A lock file without a sign of life, or of a process of this host that is gone, is taken over, which
// is said too.
#pragma once

#include <filesystem>
#include <memory>

namespace ropeway {

struct HeartbeatTimes {
  double every = 10, stale_after = 60;  // seconds
};

class FolderLock {
 public:
  static constexpr const char* kHolderName = ".lock-holder";
  // Throws kCannotCreate when another process holds it, or when the folder has been moved away meanwhile.
  explicit FolderLock(const std::filesystem::path& folder, const HeartbeatTimes& times = {});
  ~FolderLock();
  // Moving the folder moves the lock with it.
  FolderLock(FolderLock&&) noexcept;
  FolderLock& operator=(FolderLock&&) noexcept;

 private:
  class Held;
  class ByFlock;
  class ByHeartbeat;
  static std::unique_ptr<Held> take(const std::filesystem::path& folder, const HeartbeatTimes& times);
  std::unique_ptr<Held> held_;
};

// The system's reason why flock does not work in the folder; "": it does. Throws kCannotCreate for a folder
// that cannot be written to.
std::string why_no_flock(const std::filesystem::path& folder);

// Whether a process holds the folder's lock, as far as can be told without taking it.
bool is_locked(const std::filesystem::path& folder, const HeartbeatTimes& times = {});

}  // namespace ropeway
