#include "trainer/files/file_hashes.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/input_file.h"
#include "trainer/files/sha256.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "ropeway-hashes";
constexpr int kVersion = 1;
constexpr size_t kAtOnce = 4;  // files: disks and one memory bus serve no more
// A file may change within one tick of its file system's clock without showing it. One that has just changed
// is read again next time.
constexpr int64_t kSettledNs = 2'000'000'000;

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

std::string hash_counting(const fs::path& path, std::atomic<int64_t>& done) {
  InputFile file(path);
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (const size_t got = file.read(buffer.data(), buffer.size())) {
    hash.update(buffer.data(), got);
    done += static_cast<int64_t>(got);
  }
  return hash.finish();
}

// Calls work(i) for i in [0, count) on a few threads, and `meanwhile` on this one. Throws the first error.
void on_threads(size_t count, const std::function<void(size_t)>& work,
                const std::function<void()>& meanwhile) {
  std::atomic<size_t> next = 0, left = count;
  std::mutex mutex;
  std::exception_ptr error;
  std::vector<std::jthread> threads;
  for (size_t t = 0; t < std::min(count, kAtOnce); ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) {
        try {
          work(i);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
        }
        --left;
      }
    });
  }
  for (int waits = 0; left > 0; ++waits) {
    std::this_thread::sleep_for(std::chrono::milliseconds(waits < 100 ? 1 : 100));
    if (waits >= 100) meanwhile();
  }
  threads.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace

FileHashes::FileHashes(const fs::path& store) {
  std::error_code absent;
  if (!fs::exists(store, absent)) return;
  try {
    const auto json = nlohmann::json::parse(read_text_file(store));
    if (json.at("format") != kFormat || json.at("version") != kVersion) return;
    for (const auto& [path, known] : json.at("files").items()) {
      known_[path] = {.bytes = known.at("bytes"),
                      .changed_ns = known.at("changed_ns"),
                      .inode = known.at("inode"),
                      .sha256 = known.at("sha256")};
    }
  } catch (const std::exception&) {
    known_.clear();
  }
}

std::vector<std::string> FileHashes::of(const std::vector<fs::path>& files, const Progress& progress) {
  struct Wanted {
    size_t index;
    std::string path;
    Known now;
  };
  std::vector<std::string> hashes(files.size());
  std::vector<Wanted> to_read;
  int64_t total = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    struct stat info {};
    if (::stat(files[i].c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    Known now{.bytes = info.st_size,
              .changed_ns = info.st_mtim.tv_sec * kSecondNs + info.st_mtim.tv_nsec,
              .inode = info.st_ino};
    const std::string path = fs::absolute(files[i]).lexically_normal().string();
    if (const auto found = known_.find(path); found != known_.end()) {
      now.sha256 = found->second.sha256;
      if (now == found->second) {
        hashes[i] = now.sha256;
        continue;
      }
    }
    total += now.bytes;
    to_read.push_back({i, path, now});
  }
  std::atomic<int64_t> done = 0;
  on_threads(
      to_read.size(),
      [&](size_t k) {
        Wanted& file = to_read[k];
        try {
          file.now.sha256 = hash_counting(file.path, done);
        } catch (const Error& error) {
          file.now.sha256.clear();
          if (error.kind() != ErrorKind::kMissingInput) throw;
        }
      },
      [&] {
        if (progress) progress(done, total);
      });
  for (const Wanted& file : to_read) {
    hashes[file.index] = file.now.sha256;
    const bool settled = now_ns() - file.now.changed_ns > kSettledNs;
    if (file.now.sha256.empty() || !settled) continue;
    known_[file.path] = file.now;
    has_news_ = true;
  }
  return hashes;
}

void FileHashes::save(const fs::path& store) const {
  nlohmann::ordered_json json{
      {"format", kFormat}, {"version", kVersion}, {"files", nlohmann::ordered_json::object()}};
  for (const auto& [path, known] : known_) {
    json["files"][path] = {{"bytes", known.bytes},
                           {"changed_ns", known.changed_ns},
                           {"inode", known.inode},
                           {"sha256", known.sha256}};
  }
  write_file_atomically(store, json.dump(1) + "\n");
  has_news_ = false;
}

}  // namespace ropeway
