// SHA-256 of files that are large and seldom change: each is read once, and again only when its size, time of
// last change or inode is another. What is known is kept in a small JSON file between processes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ropeway {

class FileHashes {
 public:
  FileHashes() = default;
  // What `store` holds. One that is absent, damaged or of another version holds nothing: files are read anew.
  explicit FileHashes(const std::filesystem::path& store);

  // Bytes read and to be read, now and then while files are read.
  using Progress = std::function<void(int64_t done, int64_t total)>;
  // Lower-case hex of each file; "" for one that is absent or cannot be opened. Several are read at a time.
  // Throws kIo.
  std::vector<std::string> of(const std::vector<std::filesystem::path>& files, const Progress& progress = {});

  // Throws kCannotCreate, kIo.
  void save(const std::filesystem::path& store) const;
  bool has_news() const { return has_news_; }  // since it was read or saved

 private:
  struct Known {
    int64_t bytes = 0, changed_ns = 0;
    uint64_t inode = 0;
    std::string sha256 = {};
    bool operator==(const Known&) const = default;
  };
  std::map<std::string, Known> known_;  // by absolute path
  mutable bool has_news_ = false;
};

}  // namespace ropeway
