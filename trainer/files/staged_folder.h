// A folder that appears under its name whole or not at all: filled beside it under a name of unfinished.h,
// synced, renamed. The destructor removes what was not published; what a killed process leaves, never under
// the target's name, the next one for the same target removes.
#pragma once

#include <cstdint>
#include <filesystem>

#include "trainer/files/unfinished.h"

namespace ropeway {

class StagedFolder {
 public:
  // Creates the parent and the temporary folder. Throws kCannotCreate when that fails, `bytes` are not free
  // there, or the target exists and is not to be replaced.
  StagedFolder(const std::filesystem::path& target, int64_t bytes, bool replace);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  void publish();  // an existing target is exchanged for it in one step, and removed

 private:
  std::filesystem::path target_, temporary_;
  MakerLock lock_;
  bool published_ = false;
};

// Throws kCannotCreate unless nothing has this name, or `force` is set and what has it is a model: a folder
// with a config.json, or one whose every entry is such a folder. Nobody's home directory is replaced.
void require_replaceable_model(const std::filesystem::path& target, bool force);

// Throws kCannotCreate when the target is the model's own folder or one around it: to replace it would remove
// the source.
void require_apart(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace ropeway
