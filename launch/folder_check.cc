#include "launch/folder_check.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/base/seconds_since.h"
#include "launch/host_check.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/folder_lock.h"
#include "trainer/files/output_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheck = "folder";

// A folder of rank 0's with a file in it and, where there are locks, locked; gone at the end.
class Probe {
 public:
  explicit Probe(const fs::path& folder) : path_(folder / fmt::format(".ropeway-doctor-{}", make_uuid())) {
    std::error_code error;
    if (!fs::create_directory(path_, error)) {
      fail(ErrorKind::kCannotCreate, "{}: cannot be written: {}", folder.string(), error.message());
    }
    try {
      write();
      no_locks_ = why_no_flock(path_);
      if (no_locks_.empty()) lock_.emplace(path_);
    } catch (...) {
      remove();
      throw;
    }
  }
  ~Probe() { remove(); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  const fs::path& path() const { return path_; }
  double bytes_per_second() const { return bytes_per_second_; }
  const std::string& no_locks() const { return no_locks_; }  // the reason why there are none

 private:
  void write() {
    const std::vector<char> content(16 << 20, 'x');
    const auto begin = std::chrono::steady_clock::now();
    OutputFile file(path_ / "written");
    file.write(content.data(), static_cast<int64_t>(content.size()));
    file.keep();
    bytes_per_second_ = static_cast<double>(content.size()) / seconds_since(begin);
  }
  void remove() {
    lock_.reset();
    std::error_code error;
    fs::remove_all(path_, error);
  }

  fs::path path_;
  double bytes_per_second_ = 0;
  std::string no_locks_;
  std::optional<FolderLock> lock_;
};

// What another rank sees of the probe.
enum class Sight : char { kNothing = '0', kUnlocked = '1', kLocked = '2' };

Sight look_at(const fs::path& probe) {
  std::error_code error;
  if (!fs::exists(probe / "written", error)) return Sight::kNothing;
  return is_locked(probe) ? Sight::kLocked : Sight::kUnlocked;
}

std::string ranks_that_see(const std::string& sights, Sight sight) {
  std::vector<size_t> ranks;
  for (size_t rank = 0; rank < sights.size(); ++rank) {
    if (sights[rank] == static_cast<char>(sight)) ranks.push_back(rank);
  }
  return ranks.empty() ? "" : fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

void judge_sights(const std::string& sights, const fs::path& folder, bool has_locks, FolderCheck& check) {
  if (const std::string blind = ranks_that_see(sights, Sight::kNothing); !blind.empty()) {
    check.faults.push_back({kCheck, ErrorKind::kCannotCreate,
                            fmt::format("{}: {} {} not see what rank 0 wrote there", folder.string(), blind,
                                        blind.starts_with("ranks") ? "do" : "does"),
                            "take a folder on a file system that all nodes share, by the same path"});
  }
  const std::string unlocked = ranks_that_see(sights, Sight::kUnlocked);
  if (has_locks && !unlocked.empty()) {
    check.faults.push_back(
        {kCheck, ErrorKind::kCannotCreate,
         fmt::format("{}: the lock of rank 0 does not hold for {}", folder.string(), unlocked),
         "mount it with locks between hosts (Lustre: -o flock, not localflock), or see to it that two runs "
         "never share a run folder"});
  }
}

}  // namespace

FolderCheck check_folder(Communicator& world, const fs::path& folder) {
  FolderCheck check;
  const fs::path place = nearest_folder(folder);
  std::unique_ptr<Probe> probe;
  if (world.rank() == 0) {
    try {
      if (fs::exists(folder) && !fs::is_directory(folder)) {
        fail(ErrorKind::kCannotCreate, "{}: exists and is not a folder", folder.string());
      }
      probe = std::make_unique<Probe>(place);
    } catch (const std::exception& error) {
      check.faults.push_back({kCheck, ErrorKind::kCannotCreate, error.what(),
                              "choose a folder that you may write to; ls -ld, df and mount tell more"});
    }
  }
  const std::string path = broadcast_string(world, probe ? probe->path().string() : "");
  if (path.empty()) {
    check.words = fmt::format("{}: cannot be used", place.string());
    return check;
  }
  const std::string own(1, static_cast<char>(look_at(path)));
  const std::string sights = fmt::format("{}", fmt::join(all_gather_strings(world, own), ""));
  if (!probe) return check;
  const std::string& no_locks = probe->no_locks();
  check.words = fmt::format("{}: written at {:.0f} MB/s, {}", place.string(), probe->bytes_per_second() / 1e6,
                            no_locks.empty() ? "locks work" : "no file locks (" + no_locks + ")");
  judge_sights(sights, place, no_locks.empty(), check);
  if (!no_locks.empty()) {
    check.faults.push_back(
        {kCheck, ErrorKind::kCannotCreate, fmt::format("{}: no file locks: {}", place.string(), no_locks),
         "mount the file system with locks, if it has any; a lock file with a heartbeat does their work, and "
         "a minute may pass until a folder whose run has died can be used"});
  }
  return check;
}

}  // namespace ropeway
