// One run's folder: whose it is, who is writing to it, and which stages are finished.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "parallel/comm/communicator.h"
#include "trainer/stages/run_identity.h"

namespace ropeway {

class FolderLock;

// RunIdentity::lasting of the run in this folder.
std::filesystem::path identity_file(const std::filesystem::path& run_dir);

class RunDirectory {
 public:
  // Collective. Creates the folder, or opens that of an earlier run; whether the recipe fits what is in it is
  // decided before (run_outlook.h). Throws kCannotCreate when it is locked by a live run (also with `fresh`,
  // which moves it aside: behind a link its target, and the link stays), cannot be written, or when the file
  // system has less than `bytes_needed` free.
  RunDirectory(const RunIdentity& run, Communicator& world, bool fresh, int64_t bytes_needed);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::string& recipe_sha256() const { return recipe_sha256_; }
  std::filesystem::path stage_folder(const std::string& stage) const { return path_ / "stages" / stage; }
  static bool is_done(const std::filesystem::path& run_dir, const std::string& stage);
  void mark_done(const std::string& stage, const std::string& json) const;  // rank 0

 private:
  void open(const RunIdentity& run, bool fresh, int64_t bytes_needed);  // rank 0

  std::filesystem::path path_;
  std::string recipe_sha256_;
  std::unique_ptr<FolderLock> lock_;
};

}  // namespace ropeway
