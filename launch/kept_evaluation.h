// What `ropeway evaluate` keeps while it is under way, in a folder of its own that is named after the command:
// figures of finished cells and losses of single windows. The same command goes on from there; when all is
// done, the folder is removed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "trainer/evaluate/kept_figures.h"
#include "trainer/files/folder_lock.h"
#include "trainer/score/kept_entries.h"
#include "trainer/score/kept_pieces.h"

namespace ropeway {

class KeptEvaluation {
 public:
  // Collective. Under `folder`. Where that cannot be written, or another process has the same command under
  // way, nothing is kept, which is said.
  KeptEvaluation(const std::filesystem::path& folder, const std::string& command, Communicator& world,
                 const KeptFigures::Subject& subject);
  // A folder in which nothing is kept, as of a command that failed at once, is removed.
  ~KeptEvaluation();

  // Null: nothing is kept.
  KeptFigures* figures() { return figures_ ? &*figures_ : nullptr; }
  KeptEntries* benchmarks() { return benchmarks_ ? &*benchmarks_ : nullptr; }
  KeptPieces* pieces() { return pieces_ ? &*pieces_ : nullptr; }

  void remove();  // all is done

 private:
  bool take(const std::filesystem::path& folder);

  std::filesystem::path own_;       // on rank 0
  std::optional<FolderLock> lock_;  // likewise
  std::optional<KeptFigures> figures_;
  std::optional<KeptEntries> benchmarks_;
  std::optional<KeptPieces> pieces_;
};

}  // namespace ropeway
