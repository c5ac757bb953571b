#include "trainer/files/folder_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "kernels/base/error.h"
#include "kernels/base/host_name.h"
#include "kernels/base/log.h"
#include "trainer/files/output_file.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_as_held(const fs::path& folder, const std::string& by_whom) {
  fail(ErrorKind::kCannotCreate,
       "{}: another run is writing to this folder{}; wait for it, or set run_dir to another folder",
       folder.string(), by_whom);
}

// A file descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

// False once the file that fd stands for was moved away with its folder.
bool still_there(int fd, const fs::path& file) {
  struct stat held;
  struct stat named;
  return ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

// 0, or errno.
int lock_now(int fd) {
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

bool means_no_locks(int error) {
  return error == ENOSYS || error == ENOLCK || error == EOPNOTSUPP || error == ENOTSUP;
}

// A host by name, and the processes that its numbers are of: containers may share a name.
std::string this_host() {
  char space[64] = "";
  const ssize_t length = ::readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return fmt::format("{} {}", host_name(),
                     std::string_view(space, length > 0 ? static_cast<size_t>(length) : 0));
}

// What a lock file says.
struct Holder {
  std::string host, id;
  int64_t process = 0;
  double silent_for = 0;  // seconds, by the clock of the file system

  // This process has not made the file; an earlier one of its number has.
  bool is_gone() const {
    if (host != this_host()) return false;
    return process == ::getpid() || (::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH);
  }
  std::string words() const { return fmt::format("{}, process {}", host.substr(0, host.find(' ')), process); }
};

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Clocks of hosts differ; files of one file system are dated by one.
double file_system_time(const fs::path& folder) {
  const fs::path path = folder / fmt::format(".clock.tmp-{}", make_uuid());
  OutputFile probe(path);  // the destructor removes it
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) {
    fail(ErrorKind::kIo, "{}: {}", path.string(), std::strerror(errno));
  }
  return seconds_of(status.st_mtim);
}

std::optional<Holder> read_holder(const fs::path& file) {
  const Descriptor descriptor(file, O_RDONLY);
  struct stat status;
  if (descriptor.number() < 0 || ::fstat(descriptor.number(), &status) != 0) return std::nullopt;
  char text[4096];
  const ssize_t length = ::read(descriptor.number(), text, sizeof text);
  Holder holder;
  holder.silent_for = file_system_time(file.parent_path()) - seconds_of(status.st_mtim);
  const auto json = nlohmann::json::parse(text, text + std::max<ssize_t>(0, length), nullptr,
                                          /*allow_exceptions=*/false);
  // Half written by a process that was killed then: nobody's, until it is stale.
  if (!json.is_object()) return holder;
  holder.host = json.value("host", "");
  holder.id = json.value("id", "");
  holder.process = json.value("process", int64_t{0});
  return holder;
}

}  // namespace

class FolderLock::Held {
 public:
  virtual ~Held() = default;
};

class FolderLock::ByFlock : public Held {
 public:
  explicit ByFlock(std::unique_ptr<Descriptor> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<Descriptor> file_;
};

// The folder is reached by its descriptor: it may have another name by the end.
class FolderLock::ByHeartbeat : public Held {
 public:
  static constexpr const char* kName = kHolderName;

  ByHeartbeat(const fs::path& folder, const HeartbeatTimes& times)
      : path_(folder), folder_(folder, O_RDONLY | O_DIRECTORY), times_(times) {
    constexpr int kTries = 3;  // others may take a stale lock over at the same moment
    for (int i = 0; i < kTries && !create(); ++i) remove_stale();
    if (file_ < 0) fail_as_held(path_, "");
    beating_ = std::thread([this] { beat(); });
  }
  ~ByHeartbeat() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    if (beating_.joinable()) beating_.join();
    struct stat own, named;
    const bool is_own = ::fstat(file_, &own) == 0 &&
                        ::fstatat(folder_.number(), kName, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                        own.st_ino == named.st_ino;
    if (is_own) ::unlinkat(folder_.number(), kName, 0);
    ::close(file_);
  }

 private:
  // False when there is a lock file already.
  bool create() {
    const int file =
        ::openat(folder_.number(), kName, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0 && errno == EEXIST) return false;
    if (file < 0) {
      fail(ErrorKind::kCannotCreate, "{}: {}", (path_ / kName).string(), std::strerror(errno));
    }
    file_ = file;
    const std::string text =
        nlohmann::json{{"host", this_host()}, {"process", ::getpid()}, {"id", make_uuid()}}.dump() + "\n";
    const int error = write_all(file_, text.data(), text.size());
    if (error != 0) {
      ::unlinkat(folder_.number(), kName, 0);
      ::close(file_);
      fail(ErrorKind::kIo, "{}: {}", (path_ / kName).string(), std::strerror(error));
    }
    ::fsync(file_);
    return true;
  }

  // Throws when the holder lives. What is renamed away must be what was looked at: between the two, another
  // process may have done the same and hold the lock by now.
  void remove_stale() {
    const fs::path file = path_ / kName;
    const std::optional<Holder> holder = read_holder(file);
    if (!holder) return;
    if (!holder->is_gone() && holder->silent_for < times_.stale_after) {
      fail_as_held(path_,
                   fmt::format(" ({}, last sign of life {:.0f} s ago; a lock that is silent for {:.0f} s "
                               "is taken over)",
                               holder->words(), holder->silent_for, times_.stale_after));
    }
    const fs::path aside = path_ / fmt::format("{}.tmp-{}", kName, make_uuid());
    if (::rename(file.c_str(), aside.c_str()) != 0) return;
    const std::optional<Holder> moved = read_holder(aside);
    const bool same = moved && moved->id == holder->id && moved->process == holder->process;
    if (!same) ::link(aside.c_str(), file.c_str());
    ::unlink(aside.c_str());
    if (same) {
      log_warning("{}: the lock of {}, {}, is taken over", path_.string(), holder->words(),
                  holder->is_gone() ? "a process that is gone"
                                    : fmt::format("silent for {:.0f} s", holder->silent_for));
    }
  }

  void beat() {
    std::unique_lock lock(mutex_);
    const auto pause = std::chrono::duration<double>(times_.every);
    while (!wake_.wait_for(lock, pause, [this] { return over_; })) ::futimens(file_, nullptr);
  }

  const fs::path path_;  // as it was in the beginning
  const Descriptor folder_;
  const HeartbeatTimes times_;
  int file_ = -1;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread beating_;
};

// The lock belongs to the file, not to its name: between opening it and locking it, a fresh start may have
// moved the folder aside, and what was locked then is the old run. The name is compared afterwards, when
// nobody else can move the folder any more.
std::unique_ptr<FolderLock::Held> FolderLock::take(const fs::path& folder, const HeartbeatTimes& times) {
  const fs::path path = folder / ".lock";
  auto file = std::make_unique<Descriptor>(path, O_RDWR | O_CREAT);
  if (file->number() < 0) fail(ErrorKind::kCannotCreate, "{}: {}", path.string(), std::strerror(errno));
  const int error = lock_now(file->number());
  if (error == 0) {
    if (!still_there(file->number(), path)) fail_as_held(folder, "");
    return std::make_unique<ByFlock>(std::move(file));
  }
  if (error == EWOULDBLOCK) fail_as_held(folder, "");
  if (!means_no_locks(error)) {
    fail(ErrorKind::kCannotCreate, "{}: cannot be locked: {}", path.string(), std::strerror(error));
  }
  log_warning(
      "{}: its file system has no file locks ({}); a lock file that is touched every {:.0f} s is used",
      folder.string(), std::strerror(error), times.every);
  return std::make_unique<ByHeartbeat>(folder, times);
}

FolderLock::FolderLock(const fs::path& folder, const HeartbeatTimes& times) : held_(take(folder, times)) {}
FolderLock::~FolderLock() = default;
FolderLock::FolderLock(FolderLock&&) noexcept = default;
FolderLock& FolderLock::operator=(FolderLock&&) noexcept = default;

std::string why_no_flock(const fs::path& folder) {
  const fs::path path = folder / fmt::format(".lock.tmp-{}", make_uuid());
  const Descriptor file(path, O_RDWR | O_CREAT | O_EXCL);
  if (file.number() < 0) fail(ErrorKind::kCannotCreate, "{}: {}", path.string(), std::strerror(errno));
  const int error = lock_now(file.number());
  ::unlink(path.c_str());
  return error == 0 ? "" : std::strerror(error);
}

bool is_locked(const fs::path& folder, const HeartbeatTimes& times) {
  const Descriptor file(folder / ".lock", O_RDONLY);
  if (file.number() < 0) return false;
  if (::flock(file.number(), LOCK_SH | LOCK_NB) == 0) return false;
  if (!means_no_locks(errno)) return true;
  // Nothing is written to learn the file system's time: clocks of hosts differ by less than a stale lock's
  // age.
  std::error_code absent;
  const auto touched = fs::last_write_time(folder / FolderLock::kHolderName, absent);
  if (absent) return false;
  return std::chrono::duration<double>(fs::file_time_type::clock::now() - touched).count() <
         times.stale_after;
}

}  // namespace ropeway
